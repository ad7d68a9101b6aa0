from django.urls import path

from training_bridge.views import cards, comparisons, models, runs, snapshots

app_name = "training_bridge"
urlpatterns = [
    path("snapshots/", snapshots.snapshots, name="snapshots"),
    path("snapshots/new/", snapshots.snapshot_new, name="snapshot_new"),
    path("snapshots/<int:snapshot_number>/", snapshots.snapshot, name="snapshot"),
    path("snapshots/<int:snapshot_number>/retry/", snapshots.snapshot_retry, name="snapshot_retry"),
    path(
        "snapshots/<int:snapshot_number>/files/<slug:exporter>/<str:filename>",
        snapshots.snapshot_file,
        name="snapshot_file",
    ),
    path("runs/", runs.runs, name="runs"),
    path("runs/compare/", comparisons.runs_compare, name="runs_compare"),
    path("runs/new/", runs.run_choose, name="run_choose"),
    path("runs/new/<slug:method>/", runs.run_new, name="run_new"),
    path("runs/<int:run_id>/", runs.run, name="run"),
    path("runs/<int:run_id>/live/", runs.run_live, name="run_live"),
    path("runs/<int:run_id>/cancel/", runs.run_cancel, name="run_cancel"),
    path("runs/<int:run_id>/retry/", runs.run_retry, name="run_retry"),
    path("runs/<int:run_id>/report/", cards.run_report, name="run_report"),
    path("runs/<int:run_id>/report.json", cards.run_report_file, name="run_report_file"),
    path("models/", models.models, name="models"),
    path("models/new/", models.model_new, name="model_new"),
    path("models/<int:model_id>/", models.model, name="model"),
    path("models/<int:model_id>/hash/retry/", models.model_hash_retry, name="model_hash_retry"),
    path("models/<int:model_id>/report/", cards.model_report, name="model_report"),
]
