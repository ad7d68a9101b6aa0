from django.urls import path

from routing.views import cards, decisions, desk, escalations, items, judges, learning, outlook, promises

app_name = "routing"
urlpatterns = [
    path("items/change/", items.items_change, name="items_change"),
    path("routing/", desk.desk, name="desk"),
    path("routing/outlook/", outlook.look, name="outlook"),
    path("routing/outlook/choose/", outlook.choose, name="choose"),
    path("routing/plan/", desk.plan, name="plan"),
    path("routing/promises/", promises.promises, name="promises"),
    path("routing/promises/terms/", promises.terms, name="promise_terms"),
    path("routing/promises/certify/", promises.certify, name="promise_certify"),
    path("routing/promises/check/", promises.check, name="promise_check"),
    path("routing/promises/alarms/<int:alarm_id>/close/", promises.alarm_close, name="alarm_close"),
    path("routing/budget/", desk.budget, name="budget"),
    path("routing/judges/", judges.judges, name="judges"),
    path("routing/judges/new/", judges.judge_new, name="judge_new"),
    path("routing/judges/<int:judge_id>/", judges.judge, name="judge"),
    path("routing/judges/<int:judge_id>/retire/", judges.judge_retire, name="judge_retire"),
    path("routing/judges/<int:judge_id>/again/", judges.judge_again, name="judge_again"),
    path("routing/judges/<int:judge_id>/card/", cards.card, name="card"),
    path("routing/judges/<int:judge_id>/card/new/", cards.card_new, name="card_new"),
    path("routing/judges/<int:judge_id>/planted/", cards.planted, name="planted"),
    path("routing/judges/<int:judge_id>/planted/new/", cards.planted_new, name="planted_new"),
    path("routing/judges/<int:judge_id>/lift/", cards.lift, name="judge_lift"),
    path("routing/learning/", learning.learning_page, name="learning"),
    path("routing/learning/again/", learning.learn_again, name="learn_again"),
    path("routing/learning/performance/", learning.performance_begin, name="performance_begin"),
    path("routing/escalations/", escalations.escalations_page, name="escalations"),
    path("routing/escalations/new/", escalations.escalation_new, name="escalation_new"),
    path("routing/escalations/<int:escalation_id>/stop/", escalations.escalation_stop, name="escalation_stop"),
    path(
        "routing/escalations/<int:escalation_id>/again/",
        escalations.escalation_take_up,
        name="escalation_take_up",
    ),
    path("routing/decisions/", decisions.decisions, name="decisions"),
    path("routing/decisions/export.jsonl", decisions.decisions_export, name="decisions_export"),
    path("routing/decisions/<int:decision_id>/", decisions.decision, name="decision"),
]
