from django.urls import path

from routing import card_views, escalation_views, item_views, learning_views, outlook_views, promise_views, views

app_name = "routing"
urlpatterns = [
    path("items/change/", item_views.items_change, name="items_change"),
    path("routing/", views.desk, name="desk"),
    path("routing/outlook/", outlook_views.look, name="outlook"),
    path("routing/outlook/choose/", outlook_views.choose, name="choose"),
    path("routing/plan/", views.plan, name="plan"),
    path("routing/promises/", promise_views.promises, name="promises"),
    path("routing/promises/terms/", promise_views.terms, name="promise_terms"),
    path("routing/promises/certify/", promise_views.certify, name="promise_certify"),
    path("routing/promises/check/", promise_views.check, name="promise_check"),
    path("routing/promises/alarms/<int:alarm_id>/close/", promise_views.alarm_close, name="alarm_close"),
    path("routing/budget/", views.budget, name="budget"),
    path("routing/judges/", views.judges, name="judges"),
    path("routing/judges/new/", views.judge_new, name="judge_new"),
    path("routing/judges/<int:judge_id>/", views.judge, name="judge"),
    path("routing/judges/<int:judge_id>/retire/", views.judge_retire, name="judge_retire"),
    path("routing/judges/<int:judge_id>/again/", views.judge_again, name="judge_again"),
    path("routing/judges/<int:judge_id>/card/", card_views.card, name="card"),
    path("routing/judges/<int:judge_id>/card/new/", card_views.card_new, name="card_new"),
    path("routing/judges/<int:judge_id>/planted/", card_views.planted, name="planted"),
    path("routing/judges/<int:judge_id>/planted/new/", card_views.planted_new, name="planted_new"),
    path("routing/judges/<int:judge_id>/lift/", card_views.lift, name="judge_lift"),
    path("routing/learning/", learning_views.learning_page, name="learning"),
    path("routing/learning/again/", learning_views.learn_again, name="learn_again"),
    path("routing/learning/performance/", learning_views.performance_begin, name="performance_begin"),
    path("routing/escalations/", escalation_views.escalations_page, name="escalations"),
    path("routing/escalations/new/", escalation_views.escalation_new, name="escalation_new"),
    path("routing/escalations/<int:escalation_id>/stop/", escalation_views.escalation_stop, name="escalation_stop"),
    path(
        "routing/escalations/<int:escalation_id>/again/",
        escalation_views.escalation_take_up,
        name="escalation_take_up",
    ),
    path("routing/decisions/", views.decisions, name="decisions"),
    path("routing/decisions/export.jsonl", views.decisions_export, name="decisions_export"),
    path("routing/decisions/<int:decision_id>/", views.decision, name="decision"),
]
