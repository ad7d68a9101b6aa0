from django.urls import path

from annotation import api

app_name = "annotation-api"
LEASE, ANSWER = "leases/<uuid:token>/", "annotations/<int:annotation_id>/"
urlpatterns = [
    path("next/", api.NextView.as_view(), name="next"),
    path(f"{LEASE}renew/", api.RenewView.as_view(), name="renew"),
    path(f"{LEASE}release/", api.ReleaseView.as_view(), name="release"),
    path(f"{LEASE}skip/", api.SkipView.as_view(), name="skip"),
    path(f"{LEASE}flag/", api.FlagView.as_view(), name="flag"),
    path(f"{LEASE}draft/", api.DraftView.as_view(), name="draft"),
    path("annotations/", api.AnnotationsView.as_view(), name="annotations"),
    path("annotations/mine/", api.MineView.as_view(), name="mine"),
    path("annotations/export/", api.AnnotationsExportView.as_view(), name="annotations_export"),
    path(ANSWER, api.AnnotationView.as_view(), name="annotation"),
    path(f"{ANSWER}revise/", api.ReviseView.as_view(), name="revise"),
    path(f"{ANSWER}retract/", api.RetractView.as_view(), name="retract"),
    path("form/", api.FormView.as_view(), name="form"),
    path("items/", api.ItemsView.as_view(), name="items"),
    path("items/<int:item_id>/", api.ItemView.as_view(), name="item"),
    path("labels/", api.LabelsView.as_view(), name="labels"),
    path("labels/export/", api.LabelsExportView.as_view(), name="labels_export"),
    path("progress/", api.ProgressView.as_view(), name="progress"),
    path("agreement/", api.AgreementView.as_view(), name="agreement"),
]
