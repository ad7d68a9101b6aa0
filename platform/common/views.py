"""Two addresses for whoever watches the process: is it alive, is everything up?"""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from common.health import missing


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 while this web process answers at all; asks nothing of database or broker."""
    return JsonResponse({"status": "alive"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when database, migrations, broker, a worker for every queue and the beat are up.

    Else 503 with the names of what is not, and nothing else: strangers read this too.
    """
    faults = missing()
    if faults:
        return JsonResponse({"status": "not ready", "missing": faults}, status=503)
    return JsonResponse({"status": "ready"})
