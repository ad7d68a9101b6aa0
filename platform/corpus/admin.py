"""For operators: what came in. Nothing here can be changed but by the product's own services."""

from django.contrib import admin

from common.admin import ReadOnly
from corpus.models import Candidate, Import, ModelVersion, Prompt, Response


@admin.register(Import)
class ImportAdmin(ReadOnly):
    list_display = ("pk", "project", "format", "filename", "state", "lines", "bad_lines", "new_items", "created_at")
    list_filter = ("state", "format", "project")


@admin.register(Prompt)
class PromptAdmin(ReadOnly):
    list_display = ("pk", "project", "external_id", "language", "open", "created_at")
    list_filter = ("project", "open")
    search_fields = ("external_id",)


@admin.register(Response)
class ResponseAdmin(ReadOnly):
    list_display = ("pk", "external_id", "author_kind", "model_name", "created_at")
    search_fields = ("external_id", "model_name")


@admin.register(Candidate)
class CandidateAdmin(ReadOnly):
    list_display = ("pk", "project", "external_id", "taken_at")
    list_filter = ("project",)
    search_fields = ("external_id",)


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly):
    list_display = ("pk", "project", "name", "kind", "source", "created_at")
    list_filter = ("project", "kind")
    search_fields = ("name",)
