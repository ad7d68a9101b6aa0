"""A table brought in by hand: uploaded, looked at, its columns put right, confirmed."""

import os
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from annotation.models import Item
from annotation.services import items
from corpus import services
from corpus.models import Import
from projects.models import Project
from tests.browser import axe

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TABLE = """frage,eins,zwei,drei
"What is $x^2$ at 3?","It is **9**, as $3 \\cdot 3 = 9$.","Six.",
"كيف حالك؟","بخير، شكرا.","Fine, thanks.","Nothing."
"""


@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}])
def test_a_table_is_looked_at_before_it_is_imported(
    page_of: Any, noor: User, project: Project, options: dict[str, Any]
) -> None:
    page = page_of(noor, **options)
    page.goto(f"/projects/{project.slug}/imports/new/")
    page.get_by_role("radio", name="CSV table").check()
    page.get_by_label("Or paste a few lines").fill(TABLE)
    assert page.get_by_label("Show me first").is_checked()
    page.get_by_role("button", name="Import", exact=True).click()
    worked(page)
    assert page.get_by_text("say which column is the prompt").is_visible()
    assert page.get_by_role("button", name="Import").count() == 0  # nothing to confirm yet
    page.get_by_label("Prompt", exact=True).select_option("frage")
    for name in ("eins", "zwei", "drei"):
        page.get_by_role("group", name="Responses").get_by_label(name).check()
    page.get_by_role("button", name="Check again").click()
    worked(page)

    seen = page.locator("#seen")
    seen.get_by_text("It is 9").wait_for()
    assert seen.locator("math").count() == 2
    assert seen.get_by_text("Cannot be put to them").is_visible() and seen.get_by_text("Fits", exact=True).is_visible()
    assert seen.locator("p", has_text="بخير").evaluate("p => getComputedStyle(p).direction") == "rtl"
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert axe(page) == []
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"import-{'phone' if options else 'wide'}.png", full_page=True)
    assert Item.objects.count() == 0

    page.get_by_role("button", name="Import 2 rows").click()
    page.wait_for_selector("[data-state=queued]")
    services.run_import(import_id=Import.objects.get().pk)
    items.take_candidates(project_id=project.pk)
    page.reload()
    assert page.locator("[data-state=succeeded]").is_visible()
    assert sorted(Item.objects.values_list("state", flat=True)) == ["new", "void"]


def worked(page: Any) -> None:
    """What a worker does with the import that the page shows."""
    page.wait_for_selector("[data-state=queued]")
    services.run_import(import_id=Import.objects.get().pk)
    page.reload()
    page.wait_for_selector("[data-state=checked]")
