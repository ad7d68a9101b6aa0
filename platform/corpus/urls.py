from django.urls import path

from corpus import views

app_name = "corpus"
urlpatterns = [
    path("imports/", views.import_list, name="imports"),
    path("imports/new/", views.import_new, name="import_new"),
    path("imports/<int:import_id>/", views.import_detail, name="import"),
    path("imports/<int:import_id>/progress/", views.import_progress, name="import_progress"),
    path("imports/<int:import_id>/report.jsonl", views.import_report, {"form": "jsonl"}, name="import_report"),
    path("imports/<int:import_id>/report.csv", views.import_report, {"form": "csv"}, name="import_report_csv"),
    path("imports/<int:import_id>/retry/", views.import_retry, name="import_retry"),
    path("imports/<int:import_id>/confirm/", views.import_confirm, name="import_confirm"),
    path("imports/<int:import_id>/discard/", views.import_discard, name="import_discard"),
    path("imports/<int:import_id>/columns/", views.import_columns, name="import_columns"),
    path("prompts/", views.prompt_list, name="prompts"),
]
