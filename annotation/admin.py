"""The operators' view of the annotation tables. Judgments are append-only: they can be read here, not changed."""

from django.contrib import admin

from annotation.models import Annotation, Flag, FormVersion, Item, Label, Rater, Slot
from common.admin import ReadOnly


@admin.register(Item)
class ItemAdmin(ReadOnly):
    list_display = ["external_id", "project", "state", "priority", "round", "label_due"]
    list_filter = ["state", "project"]
    list_select_related = ["project"]
    search_fields = ["external_id__startswith"]
    ordering = ["-pk"]


@admin.register(Slot)
class SlotAdmin(ReadOnly):
    list_display = ["item", "ordinal", "audience", "state", "rater", "leased_until"]
    list_filter = ["state", "audience", "project"]
    list_select_related = ["item", "rater"]
    ordering = ["-pk"]


@admin.register(Annotation)
class AnnotationAdmin(ReadOnly):
    list_display = ["pk", "item", "rater", "standing", "submitted_at", "retracted_at"]
    list_filter = ["standing"]
    list_select_related = ["item", "rater"]
    ordering = ["-pk"]


@admin.register(Label)
class LabelAdmin(ReadOnly):
    list_display = ["item", "field", "rule", "confidence", "human_count", "judge_count", "settled_at"]
    list_filter = ["rule", "field"]
    list_select_related = ["item"]
    ordering = ["-pk"]


@admin.register(Rater)
class RaterAdmin(ReadOnly):
    list_display = ["pseudonym", "project", "kind", "created_at"]
    list_filter = ["kind", "project"]
    list_select_related = ["project"]
    search_fields = ["pseudonym"]
    ordering = ["-pk"]


@admin.register(Flag)
class FlagAdmin(ReadOnly):
    list_display = ["item", "rater", "reason", "created_at", "resolved_at"]
    list_filter = ["reason"]
    list_select_related = ["item", "rater"]
    ordering = ["-pk"]


@admin.register(FormVersion)
class FormVersionAdmin(ReadOnly):
    list_display = ["project", "number", "created_at"]
    list_select_related = ["project"]
