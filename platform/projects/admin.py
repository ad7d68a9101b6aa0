"""What operators see of projects. Roles are changed inside a project, by its admins, so that the log has it."""

from django.contrib import admin

from common.admin import ReadOnly
from projects.models import Membership, Project


@admin.register(Project)
class ProjectAdmin(ReadOnly):
    list_display = ["name", "slug", "state", "created_at", "created_by"]
    list_filter = ["state"]
    search_fields = ["name", "slug"]


@admin.register(Membership)
class MembershipAdmin(ReadOnly):
    list_display = ["project", "user", "role", "created_at"]
    list_filter = ["role"]
    search_fields = ["project__name", "project__slug", "user__username"]
