from django.urls import path

from corpus import api

app_name = "corpus-api"
urlpatterns = [
    path("imports/", api.ImportsAPI.as_view(), name="imports"),
    path("imports/<int:import_id>/", api.ImportAPI.as_view(), name="import"),
    path("imports/<int:import_id>/report/", api.ImportReportAPI.as_view(), name="import_report"),
    path("imports/<int:import_id>/retry/", api.ImportRetryAPI.as_view(), name="import_retry"),
    path("imports/<int:import_id>/confirm/", api.ImportConfirmAPI.as_view(), name="import_confirm"),
    path("imports/<int:import_id>/discard/", api.ImportDiscardAPI.as_view(), name="import_discard"),
    path("imports/<int:import_id>/check/", api.ImportCheckAPI.as_view(), name="import_check"),
    path("prompts/", api.PromptsAPI.as_view(), name="prompts"),
]
