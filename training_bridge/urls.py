from django.urls import path

from training_bridge import views

app_name = "training_bridge"
urlpatterns = [
    path("snapshots/", views.snapshots, name="snapshots"),
    path("snapshots/new/", views.snapshot_new, name="snapshot_new"),
    path("snapshots/<int:snapshot_number>/", views.snapshot, name="snapshot"),
    path("snapshots/<int:snapshot_number>/retry/", views.snapshot_retry, name="snapshot_retry"),
    path(
        "snapshots/<int:snapshot_number>/files/<slug:exporter>/<str:filename>",
        views.snapshot_file,
        name="snapshot_file",
    ),
    path("runs/", views.runs, name="runs"),
    path("runs/new/", views.run_choose, name="run_choose"),
    path("runs/new/<slug:method>/", views.run_new, name="run_new"),
    path("runs/<int:run_id>/", views.run, name="run"),
    path("runs/<int:run_id>/live/", views.run_live, name="run_live"),
    path("runs/<int:run_id>/cancel/", views.run_cancel, name="run_cancel"),
    path("runs/<int:run_id>/retry/", views.run_retry, name="run_retry"),
    path("models/", views.models, name="models"),
    path("models/new/", views.model_new, name="model_new"),
    path("models/<int:model_id>/", views.model, name="model"),
]
