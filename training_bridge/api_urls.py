from django.urls import path

from training_bridge.api import cards, comparisons, models, runs, snapshots

app_name = "training_bridge-api"
urlpatterns = [
    path("snapshots/", snapshots.SnapshotsView.as_view(), name="snapshots"),
    path("snapshots/<int:snapshot_number>/", snapshots.SnapshotView.as_view(), name="snapshot"),
    path("snapshots/<int:snapshot_number>/retry/", snapshots.SnapshotRetryView.as_view(), name="snapshot_retry"),
    path("snapshots/<int:snapshot_number>/raters/", snapshots.SnapshotRatersView.as_view(), name="snapshot_raters"),
    path(
        "snapshots/<int:snapshot_number>/strengths/",
        snapshots.SnapshotStrengthsView.as_view(),
        name="snapshot_strengths",
    ),
    path("derivations/", snapshots.DerivationsView.as_view(), name="derivations"),
    path(
        "snapshots/<int:snapshot_number>/files/<slug:exporter>/<str:filename>",
        snapshots.SnapshotFileView.as_view(),
        name="snapshot_file",
    ),
    path("methods/", runs.MethodsView.as_view(), name="methods"),
    path("runs/", runs.RunsView.as_view(), name="runs"),
    path("runs/compare/", comparisons.RunsCompareView.as_view(), name="runs_compare"),
    path("runs/<int:run_id>/", runs.RunView.as_view(), name="run"),
    path("runs/<int:run_id>/metrics/", runs.RunMetricsView.as_view(), name="run_metrics"),
    path("runs/<int:run_id>/log/", runs.RunLogView.as_view(), name="run_log"),
    path("runs/<int:run_id>/cancel/", runs.RunCancelView.as_view(), name="run_cancel"),
    path("runs/<int:run_id>/retry/", runs.RunRetryView.as_view(), name="run_retry"),
    path("runs/<int:run_id>/report/", cards.RunReportView.as_view(), name="run_report"),
    path("models/", models.ModelsView.as_view(), name="models"),
    path("models/<int:model_id>/", models.ModelView.as_view(), name="model"),
    path("models/<int:model_id>/hash/retry/", models.ModelHashRetryView.as_view(), name="model_hash_retry"),
    path("models/<int:model_id>/report/", cards.ModelReportView.as_view(), name="model_report"),
]
