from django.urls import path

from annotation.views import answers, aspects, completion, form, rating, staff, survey

app_name = "annotation"
urlpatterns = [
    path("annotate/", rating.annotate, name="annotate"),
    path("annotate/<uuid:token>/", rating.assignment, name="assignment"),
    path("annotate/<uuid:token>/submit/", rating.submit, name="submit"),
    path("annotate/<uuid:token>/ahead/", rating.ahead, name="ahead"),
    path("annotate/<uuid:token>/draft/", rating.draft, name="draft"),
    path("annotate/<uuid:token>/renew/", rating.renew, name="renew"),
    path("annotate/<uuid:token>/skip/", rating.skip, name="skip"),
    path("annotate/<uuid:token>/flag/", rating.flag, name="flag"),
    path("answers/", answers.history, name="history"),
    path("answers/<int:annotation_id>/", answers.answer, name="answer"),
    path("answers/<int:annotation_id>/undo/", rating.undo, name="undo"),
    path("aspects/", aspects.aspects, name="aspects"),
    path("aspects/into-form/", aspects.aspects_into_form, name="aspects_into_form"),
    path("aspects/<int:aspect_id>/", aspects.aspect, name="aspect"),
    path("aspects/<int:aspect_id>/move/", aspects.move_aspect, name="move_aspect"),
    path("aspects/<int:aspect_id>/remove/", aspects.remove_aspect, name="remove_aspect"),
    path("completion/", completion.completion, name="completion"),
    path("completion/remove/", completion.remove_completion, name="remove_completion"),
    path("survey/export/", survey.survey_export, name="survey_export"),
    path("items/", staff.items, name="items"),
    path("items/<int:item_id>/", staff.item, name="item"),
    path("items/<int:item_id>/withdraw/", staff.withdraw_item, name="withdraw_item"),
    path("items/<int:item_id>/flags/<int:flag_id>/resolve/", staff.resolve_flag, name="resolve_flag"),
    path("form/", form.edit, name="form"),
    path("form/preview/", form.preview, name="form_preview"),
]
