"""Snapshots and runs for operators: to look at, never to edit. What they hold is pinned."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from training_bridge.models import Run, Snapshot


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # no generics at run time
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Snapshot)
class SnapshotAdmin(LookOnly):
    list_display = ["project", "number", "name", "state", "attempt", "heartbeat_at", "created_at"]
    list_filter = ["state"]


@admin.register(Run)
class RunAdmin(LookOnly):
    list_display = ["id", "project", "method", "state", "attempt", "step", "total_steps", "heartbeat_at", "created_at"]
    list_filter = ["state", "method"]
