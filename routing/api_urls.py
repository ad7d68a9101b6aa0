from django.urls import path

from routing import api, card_api, escalation_api, item_api, learning_api, promise_api

app_name = "routing-api"
urlpatterns = [
    path("items/change/", item_api.ItemsChangeView.as_view(), name="items_change"),
    path("routing/plans/", api.PlansView.as_view(), name="plans"),
    path("routing/plans/<int:plan_number>/", api.PlanView.as_view(), name="plan"),
    path("routing/promises/", promise_api.PromisesView.as_view(), name="promises"),
    path("routing/promises/terms/", promise_api.TermsView.as_view(), name="promise_terms"),
    path("routing/promises/certificates/", promise_api.CertificatesView.as_view(), name="certificates"),
    path("routing/promises/readings/", promise_api.ReadingsView.as_view(), name="readings"),
    path("routing/promises/alarms/", promise_api.AlarmsView.as_view(), name="alarms"),
    path("routing/promises/alarms/<int:alarm_id>/close/", promise_api.AlarmCloseView.as_view(), name="alarm_close"),
    path("routing/budget/", api.BudgetView.as_view(), name="budget"),
    path("routing/outlook/", api.OutlookView.as_view(), name="outlook"),
    path("routing/ledger/", api.LedgerView.as_view(), name="ledger"),
    path("routing/learning/", learning_api.LearningView.as_view(), name="learning"),
    path("routing/risk-models/", learning_api.RiskModelsView.as_view(), name="risk_models"),
    path("routing/performance/", learning_api.PerformanceReportsView.as_view(), name="performance"),
    path("routing/decisions/", api.DecisionsView.as_view(), name="decisions"),
    path("routing/decisions/export/", api.DecisionsExportView.as_view(), name="decisions_export"),
    path("routing/decisions/<int:decision_id>/", api.DecisionView.as_view(), name="decision"),
    path("routing/escalations/", escalation_api.EscalationsView.as_view(), name="escalations"),
    path("routing/escalations/<int:escalation_id>/", escalation_api.EscalationView.as_view(), name="escalation"),
    path(
        "routing/escalations/<int:escalation_id>/stop/",
        escalation_api.EscalationStopView.as_view(),
        name="escalation_stop",
    ),
    path(
        "routing/escalations/<int:escalation_id>/again/",
        escalation_api.EscalationTakeUpView.as_view(),
        name="escalation_take_up",
    ),
    path("routing/calls/", api.JudgeCallsView.as_view(), name="judge_calls"),
    path("judges/", api.JudgesView.as_view(), name="judges"),
    path("judges/<int:judge_id>/", api.JudgeView.as_view(), name="judge"),
    path("judges/<int:judge_id>/retire/", api.JudgeRetireView.as_view(), name="judge_retire"),
    path("judges/<int:judge_id>/again/", api.JudgeAgainView.as_view(), name="judge_again"),
    path("judges/<int:judge_id>/lift/", card_api.LiftView.as_view(), name="judge_lift"),
    path("judges/<int:judge_id>/cards/", card_api.CardsView.as_view(), name="cards"),
    path("judges/<int:judge_id>/cards/<int:card_id>/retry/", card_api.CardRetryView.as_view(), name="card_retry"),
    path("judges/<int:judge_id>/planted/", card_api.ProbeRunsView.as_view(), name="planted"),
    path(
        "judges/<int:judge_id>/planted/<int:probe_run_id>/cases/", card_api.ProbesView.as_view(), name="planted_cases"
    ),
    path(
        "judges/<int:judge_id>/planted/<int:probe_run_id>/retry/",
        card_api.ProbeRunRetryView.as_view(),
        name="planted_retry",
    ),
]
