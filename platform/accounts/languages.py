"""Which language a page speaks: the person's own, else this browser's choice, else what the browser asks for."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from common.errors import BadRequest

Handler = Callable[[HttpRequest], HttpResponse]
# They know no session: programs say what they want by Accept-Language.
WITHOUT_SESSION = ("/api/", "/healthz/")


def languages() -> list[tuple[str, str]]:
    """The languages on offer: (code, what it calls itself)."""
    return [(code, translation.get_language_info(code)["name_local"]) for code, _ in settings.LANGUAGES]


def known_language(code: str) -> str:
    """`code` if that language is on offer. Raises BadRequest."""
    if code not in dict(settings.LANGUAGES):
        raise BadRequest(translation.gettext("There is no such language here."))
    return code


class PersonLanguage:
    """Stands after Django's LocaleMiddleware and the authentication: what a person chose for themselves comes first."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(WITHOUT_SESSION):
            chosen = getattr(request.user, "language", "")
            if chosen in dict(settings.LANGUAGES):
                translation.activate(chosen)
                request.LANGUAGE_CODE = chosen
        return self.get_response(request)


def remember(response: HttpResponse, code: str) -> None:
    """Keeps the choice in this browser; an empty `code` forgets it."""
    name = settings.LANGUAGE_COOKIE_NAME
    if not code:
        response.delete_cookie(name, samesite="Lax")
        return
    response.set_cookie(name, code, max_age=366 * 86400, samesite="Lax", secure=settings.SECURE_COOKIES, httponly=True)
