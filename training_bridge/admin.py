"""Snapshots and runs for operators: to look at, never to edit. What they hold is pinned."""

from django.contrib import admin

from common.admin import ReadOnly
from training_bridge.models import Hashing, Run, Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnly):
    list_display = ["project", "number", "name", "state", "attempt", "heartbeat_at", "created_at"]
    list_filter = ["state"]


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ["id", "project", "method", "state", "attempt", "step", "total_steps", "heartbeat_at", "created_at"]
    list_filter = ["state", "method"]


@admin.register(Hashing)
class HashingAdmin(ReadOnly):
    list_display = ["version", "state", "attempt", "heartbeat_at", "created_at"]
    list_filter = ["state"]
