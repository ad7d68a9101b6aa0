"""A request leaves its language behind in the thread that served it: here, that of the tests."""

from collections.abc import Iterator

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """Each test begins, and leaves, in the language of the settings."""
    translation.deactivate()
    yield
    translation.deactivate()
