"""Every address of the product, read from the URLconf."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.access.matrix import OPERATORS_ONLY


@dataclass(frozen=True)
class Route:
    """One named address; `kwargs` are what its path asks for, e.g. ("slug", "item_id")."""

    name: str
    pattern: str
    kwargs: tuple[str, ...]
    view: Any

    @property
    def is_api(self) -> bool:
        return self.pattern.startswith("api/")

    @property
    def api_class(self) -> Any:
        return getattr(self.view, "cls", None) or getattr(self.view, "view_class", None)

    def path(self, values: dict[str, Any]) -> str:
        return reverse(self.name, kwargs={key: values[key] for key in self.kwargs})

    def __str__(self) -> str:
        return self.name


def _walk(resolver: URLResolver, prefix: str, names: tuple[str, ...], kwargs: tuple[str, ...]) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        found = kwargs + tuple(entry.pattern.regex.groupindex)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, pattern, (*names, *([entry.namespace] if entry.namespace else [])), found)
        elif isinstance(entry, URLPattern):
            yield Route(":".join((*names, entry.name or "")), pattern, found, entry.callback)


def all_routes() -> list[Route]:
    return list(_walk(get_resolver(), "", (), ()))


def routes() -> list[Route]:
    """All but the operators' (`matrix.OPERATORS_ONLY`), which have a test of their own."""
    return [route for route in all_routes() if not route.name.startswith(OPERATORS_ONLY)]
