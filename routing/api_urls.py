from django.urls import path

from routing.api import cards, decisions, desk, escalations, items, judges, learning, promises

app_name = "routing-api"
urlpatterns = [
    path("items/change/", items.ItemsChangeView.as_view(), name="items_change"),
    path("routing/plans/", desk.PlansView.as_view(), name="plans"),
    path("routing/plans/<int:plan_number>/", desk.PlanView.as_view(), name="plan"),
    path("routing/promises/", promises.PromisesView.as_view(), name="promises"),
    path("routing/promises/terms/", promises.TermsView.as_view(), name="promise_terms"),
    path("routing/promises/certificates/", promises.CertificatesView.as_view(), name="certificates"),
    path("routing/promises/readings/", promises.ReadingsView.as_view(), name="readings"),
    path("routing/promises/alarms/", promises.AlarmsView.as_view(), name="alarms"),
    path("routing/promises/alarms/<int:alarm_id>/close/", promises.AlarmCloseView.as_view(), name="alarm_close"),
    path("routing/budget/", desk.BudgetView.as_view(), name="budget"),
    path("routing/outlook/", desk.OutlookView.as_view(), name="outlook"),
    path("routing/ledger/", desk.LedgerView.as_view(), name="ledger"),
    path("routing/learning/", learning.LearningView.as_view(), name="learning"),
    path("routing/risk-models/", learning.RiskModelsView.as_view(), name="risk_models"),
    path("routing/performance/", learning.PerformanceReportsView.as_view(), name="performance"),
    path("routing/decisions/", decisions.DecisionsView.as_view(), name="decisions"),
    path("routing/decisions/export/", decisions.DecisionsExportView.as_view(), name="decisions_export"),
    path("routing/decisions/<int:decision_id>/", decisions.DecisionView.as_view(), name="decision"),
    path("routing/escalations/", escalations.EscalationsView.as_view(), name="escalations"),
    path("routing/escalations/<int:escalation_id>/", escalations.EscalationView.as_view(), name="escalation"),
    path(
        "routing/escalations/<int:escalation_id>/stop/",
        escalations.EscalationStopView.as_view(),
        name="escalation_stop",
    ),
    path(
        "routing/escalations/<int:escalation_id>/again/",
        escalations.EscalationTakeUpView.as_view(),
        name="escalation_take_up",
    ),
    path("routing/calls/", judges.JudgeCallsView.as_view(), name="judge_calls"),
    path("judges/", judges.JudgesView.as_view(), name="judges"),
    path("judges/<int:judge_id>/", judges.JudgeView.as_view(), name="judge"),
    path("judges/<int:judge_id>/retire/", judges.JudgeRetireView.as_view(), name="judge_retire"),
    path("judges/<int:judge_id>/again/", judges.JudgeAgainView.as_view(), name="judge_again"),
    path("judges/<int:judge_id>/lift/", cards.LiftView.as_view(), name="judge_lift"),
    path("judges/<int:judge_id>/cards/", cards.CardsView.as_view(), name="cards"),
    path("judges/<int:judge_id>/cards/<int:card_id>/retry/", cards.CardRetryView.as_view(), name="card_retry"),
    path("judges/<int:judge_id>/planted/", cards.ProbeRunsView.as_view(), name="planted"),
    path("judges/<int:judge_id>/planted/<int:probe_run_id>/cases/", cards.ProbesView.as_view(), name="planted_cases"),
    path(
        "judges/<int:judge_id>/planted/<int:probe_run_id>/retry/",
        cards.ProbeRunRetryView.as_view(),
        name="planted_retry",
    ),
]
