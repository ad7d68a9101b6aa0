from django.urls import path

from routing import api, item_api

app_name = "routing-api"
urlpatterns = [
    path("items/change/", item_api.ItemsChangeView.as_view(), name="items_change"),
    path("routing/plans/", api.PlansView.as_view(), name="plans"),
    path("routing/plans/<int:plan_number>/", api.PlanView.as_view(), name="plan"),
    path("routing/budget/", api.BudgetView.as_view(), name="budget"),
    path("routing/ledger/", api.LedgerView.as_view(), name="ledger"),
    path("routing/decisions/", api.DecisionsView.as_view(), name="decisions"),
    path("routing/decisions/export/", api.DecisionsExportView.as_view(), name="decisions_export"),
    path("routing/decisions/<int:decision_id>/", api.DecisionView.as_view(), name="decision"),
    path("routing/calls/", api.JudgeCallsView.as_view(), name="judge_calls"),
    path("judges/", api.JudgesView.as_view(), name="judges"),
    path("judges/<int:judge_id>/", api.JudgeView.as_view(), name="judge"),
    path("judges/<int:judge_id>/retire/", api.JudgeRetireView.as_view(), name="judge_retire"),
    path("judges/<int:judge_id>/again/", api.JudgeAgainView.as_view(), name="judge_again"),
]
