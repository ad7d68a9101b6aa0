"""What HTML views share: whose address, which way back, which page, and forms that say what a service found wrong."""

import ipaddress
import json
from collections.abc import Collection, Iterable
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.forms import BaseForm
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from common.errors import DomainError
from common.said import said

PER_PAGE = 50
NDJSON, BYTES = "application/x-ndjson", "application/octet-stream"

# Guards a view that shows a form and takes it in.
show_or_send = require_http_methods(["GET", "HEAD", "POST"])


def sent(request: HttpRequest) -> Any:
    """What a form is bound to: the body of a POST, also an empty one; None where the form is only shown."""
    return request.POST if request.method == "POST" else None


def download(pieces: Iterable[Any], filename: str, content_type: str = BYTES) -> StreamingHttpResponse:
    """A file that no browser shows or guesses about. `filename` is the product's own."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "X-Content-Type-Options": "nosniff"}
    return StreamingHttpResponse(pieces, content_type=content_type, headers=headers)


def json_lines(rows: Iterable[Any], filename: str) -> StreamingHttpResponse:
    """A file of JSON lines, one object at a time: none is held longer than it takes to send."""
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n" for row in rows)
    return download(lines, filename, NDJSON)


def client_address(request: HttpRequest) -> str | None:
    """The sender's IP address, or None where there is none to know (a Unix socket).

    `X-Forwarded-For` counts only behind the proxy that the settings name, and then only its last entry: the one that
    the proxy itself has written.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


def local_path(target: str | None, fallback: str) -> str:
    """`target` if it is a path of this site, else `fallback`: a `next=` must never lead elsewhere."""
    if target and target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return target
    return fallback


def page_of(request: HttpRequest, rows: Any, per_page: int = PER_PAGE) -> "Page[Any]":
    """The page that `?page=` names; the first or last one where it names none. For `partials/pages.html`."""
    return Paginator(rows, per_page).get_page(request.GET.get("page"))


def choice_of(request: HttpRequest, name: str, values: Collection[str]) -> str | None:
    """A filter of the address; None where it is not one of `values`."""
    value = request.GET.get(name)
    return value if value in values else None


def add_errors(form: BaseForm, fault: DomainError) -> None:
    """Shows on `form` what a service refused: at the fields it names, else above them."""
    for path, reasons in fault.fields.items():
        name = path.partition(".")[0]
        for reason in reasons:
            form.add_error(name if name in form.fields else None, said(reason))
    if not fault.fields:
        form.add_error(None, said(fault.detail))


def status_of(*forms: BaseForm) -> int:
    """422 where a sent form was wrong, else 200."""
    return 422 if any(form.is_bound and form.errors for form in forms) else 200
