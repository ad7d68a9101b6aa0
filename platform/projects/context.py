"""What project pages show around their content."""

from typing import Any

from django.http import HttpRequest


def current_project(request: HttpRequest) -> dict[str, Any]:
    return {"project": getattr(request, "project", None), "membership": getattr(request, "membership", None)}
