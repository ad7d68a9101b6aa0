"""What every answer carries, and how a DomainError becomes a page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from common.errors import DomainError, NotThisWay

Handler = Callable[[HttpRequest], HttpResponse]


class PrivatePages:
    """Pages of a signed-in person are never kept by a cache, nor by the back button of the next one at the machine."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


AFTER_SIGN_IN = _(
    "A form leads here, and it was not carried out: perhaps you had to sign in in between. Open the page anew and send "
    "the form once more."
)


class DomainErrors:
    """Renders a DomainError that an HTML view let through; the API has `common.api.problem_details`.

    So too the bare 405 of Django's decorators: whoever signs in anew after sending a form is led to the form's address.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        page = render(request, "error.html", {"error": NotThisWay(str(AFTER_SIGN_IN))}, status=response.status_code)
        page["Allow"] = response["Allow"]
        return page

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError):
            return None
        return render(request, "error.html", {"error": exception}, status=exception.status)
