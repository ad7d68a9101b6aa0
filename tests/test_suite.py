"""What `make test` says at its end."""

from tests.suite import verdict


def test_the_last_line_says_what_failed_and_what_was_skipped_for_want_of_a_browser() -> None:
    assert verdict([], "/usr/bin/chromium") == "All passed."
    assert verdict(["SQLite", "PostgreSQL"], "/usr/bin/chromium") == "Failed: SQLite, PostgreSQL."
    assert verdict([], None).startswith("All passed. Journeys were skipped: no chromium or ")
    assert verdict(["SQLite"], None).startswith("Failed: SQLite. Journeys were skipped")
