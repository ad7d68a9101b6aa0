from django.urls import path

from training_bridge import api

app_name = "training_bridge-api"
urlpatterns = [
    path("snapshots/", api.SnapshotsView.as_view(), name="snapshots"),
    path("snapshots/<int:snapshot_number>/", api.SnapshotView.as_view(), name="snapshot"),
    path("snapshots/<int:snapshot_number>/retry/", api.SnapshotRetryView.as_view(), name="snapshot_retry"),
    path("snapshots/<int:snapshot_number>/raters/", api.SnapshotRatersView.as_view(), name="snapshot_raters"),
    path("snapshots/<int:snapshot_number>/strengths/", api.SnapshotStrengthsView.as_view(), name="snapshot_strengths"),
    path("derivations/", api.DerivationsView.as_view(), name="derivations"),
    path(
        "snapshots/<int:snapshot_number>/files/<slug:exporter>/<str:filename>",
        api.SnapshotFileView.as_view(),
        name="snapshot_file",
    ),
    path("methods/", api.MethodsView.as_view(), name="methods"),
    path("runs/", api.RunsView.as_view(), name="runs"),
    path("runs/<int:run_id>/", api.RunView.as_view(), name="run"),
    path("runs/<int:run_id>/metrics/", api.RunMetricsView.as_view(), name="run_metrics"),
    path("runs/<int:run_id>/log/", api.RunLogView.as_view(), name="run_log"),
    path("runs/<int:run_id>/cancel/", api.RunCancelView.as_view(), name="run_cancel"),
    path("runs/<int:run_id>/retry/", api.RunRetryView.as_view(), name="run_retry"),
    path("models/", api.ModelsView.as_view(), name="models"),
    path("models/<int:model_id>/", api.ModelView.as_view(), name="model"),
]
