from django.urls import path

from annotation.api import aspects, completion, desk, rater, survey

app_name = "annotation-api"
LEASE, ANSWER = "leases/<uuid:token>/", "annotations/<int:annotation_id>/"
urlpatterns = [
    path("next/", rater.NextView.as_view(), name="next"),
    path(f"{LEASE}ahead/", rater.AheadView.as_view(), name="ahead"),
    path(f"{LEASE}renew/", rater.RenewView.as_view(), name="renew"),
    path(f"{LEASE}release/", rater.ReleaseView.as_view(), name="release"),
    path(f"{LEASE}skip/", rater.SkipView.as_view(), name="skip"),
    path(f"{LEASE}flag/", rater.FlagView.as_view(), name="flag"),
    path(f"{LEASE}draft/", rater.DraftView.as_view(), name="draft"),
    path("annotations/", rater.AnnotationsView.as_view(), name="annotations"),
    path("annotations/mine/", rater.MineView.as_view(), name="mine"),
    path("annotations/export/", desk.AnnotationsExportView.as_view(), name="annotations_export"),
    path(ANSWER, rater.AnnotationView.as_view(), name="annotation"),
    path(f"{ANSWER}revise/", rater.ReviseView.as_view(), name="revise"),
    path(f"{ANSWER}retract/", rater.RetractView.as_view(), name="retract"),
    path("form/", desk.FormView.as_view(), name="form"),
    path("form/protocols/", desk.ProtocolsView.as_view(), name="protocols"),
    path("items/", desk.ItemsView.as_view(), name="items"),
    path("items/export/", desk.ItemsExportView.as_view(), name="items_export"),
    path("items/<int:item_id>/", desk.ItemView.as_view(), name="item"),
    path("items/<int:item_id>/withdraw/", desk.WithdrawView.as_view(), name="withdraw_item"),
    path("items/<int:item_id>/flags/<int:flag_id>/resolve/", desk.ResolveFlagView.as_view(), name="resolve_flag"),
    path("aspects/", aspects.AspectsView.as_view(), name="aspects"),
    path("aspects/into-form/", aspects.AspectsIntoFormView.as_view(), name="aspects_into_form"),
    path("aspects/<int:aspect_id>/", aspects.AspectView.as_view(), name="aspect"),
    path("completion/", completion.CompletionView.as_view(), name="completion"),
    path("completion/mine/", completion.PartView.as_view(), name="part"),
    path("completion/raters/", completion.RatersDoneView.as_view(), name="raters_done"),
    path("survey/export/", survey.SurveyExportView.as_view(), name="survey_export"),
    path("labels/", desk.LabelsView.as_view(), name="labels"),
    path("labels/export/", desk.LabelsExportView.as_view(), name="labels_export"),
    path("progress/", desk.ProgressView.as_view(), name="progress"),
    path("agreement/", desk.AgreementView.as_view(), name="agreement"),
]
