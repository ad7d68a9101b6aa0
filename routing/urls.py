from django.urls import path

from routing import item_views, views

app_name = "routing"
urlpatterns = [
    path("items/change/", item_views.items_change, name="items_change"),
    path("routing/", views.desk, name="desk"),
    path("routing/plan/", views.plan, name="plan"),
    path("routing/budget/", views.budget, name="budget"),
    path("routing/judges/", views.judges, name="judges"),
    path("routing/judges/new/", views.judge_new, name="judge_new"),
    path("routing/judges/<int:judge_id>/", views.judge, name="judge"),
    path("routing/judges/<int:judge_id>/retire/", views.judge_retire, name="judge_retire"),
    path("routing/judges/<int:judge_id>/again/", views.judge_again, name="judge_again"),
    path("routing/decisions/", views.decisions, name="decisions"),
    path("routing/decisions/export.jsonl", views.decisions_export, name="decisions_export"),
    path("routing/decisions/<int:decision_id>/", views.decision, name="decision"),
]
