"""What answers where no view does: a page, or under /api/ the shape of every other error of the API (RFC 9457)."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults

from common.api import PROBLEM


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _problem(status: int, code: str, title: str) -> HttpResponse:
    body = {"type": f"urn:prefloop:{code}", "title": title, "status": status, "detail": title}
    return JsonResponse(body, status=status, content_type=PROBLEM)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return _problem(404, "not-found", _("There is nothing here"))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_api(request):
        return _problem(500, "server-error", _("Something broke on our side; it was recorded"))
    return defaults.server_error(request)
