from django.urls import path

from corpus import api

app_name = "corpus-api"
urlpatterns = [
    path("imports/", api.ImportsAPI.as_view(), name="imports"),
    path("imports/<int:import_id>/", api.ImportAPI.as_view(), name="import"),
    path("imports/<int:import_id>/report/", api.ImportReportAPI.as_view(), name="import_report"),
    path("imports/<int:import_id>/retry/", api.ImportRetryAPI.as_view(), name="import_retry"),
    path("prompts/", api.PromptsAPI.as_view(), name="prompts"),
]
