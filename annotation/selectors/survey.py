"""What raters told about themselves, joined to the pseudonym they judge under: only where an admin asks for it.

Nothing is told of fewer than LEAST people: no export at all below that many respondents, and no answer that fewer than
LEAST of them gave (projects/small_cells.py); it stands as "withheld". Free text can name a person: it stays out unless
it is asked for.
"""

import csv
import io
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotation.models import Rater
from common.errors import Conflict
from projects.models import Project, Survey
from projects.selectors import newest_answers, survey_in_force
from projects.small_cells import LEAST, as_cell, too_rare

WITHHELD = "withheld"


@dataclass(frozen=True)
class SurveyTable:
    """`rows`: {"rater": pseudonym, question: answer, "withheld", or None where nothing was said}."""

    questions: tuple[str, ...]
    rows: tuple[dict[str, str | None], ...]


def survey_table(project: Project, *, texts: bool = False) -> SurveyTable:
    """The answers to the survey in force, by the raters' pseudonyms. Raises Conflict with too few respondents.

    Whoever left the project or never judged has no row: nothing joins their answers to anybody.
    """
    survey: Survey | None = survey_in_force(project)
    raters = dict(Rater.objects.filter(project=project, user__isnull=False).values_list("user_id", "pseudonym"))
    told = [
        (raters[row.respondent.member.user_id], row.values)
        for row in newest_answers(project)
        if row.respondent.member is not None and row.respondent.member.user_id in raters
    ]
    if survey is None or len(told) < LEAST:
        said = _("A survey can be exported once %(least)s raters have answered it.") % {"least": LEAST}
        raise Conflict(said, code="too-few")
    asked = [one for one in survey.questions if texts or one["kind"] != "text"]
    columns: dict[str, list[str | None]] = {}
    for question in asked:
        cells = [as_cell(values.get(question["name"])) for _who, values in told]
        rare = too_rare(cells) if question["kind"] != "text" else frozenset()
        columns[question["name"]] = [WITHHELD if cell in rare else cell for cell in cells]
    rows: list[dict[str, str | None]] = [
        {"rater": who, **{name: cells[at] for name, cells in columns.items()}} for at, (who, _values) in enumerate(told)
    ]
    return SurveyTable(tuple(columns), tuple(sorted(rows, key=lambda row: str(row["rater"]))))


def as_csv(table: SurveyTable) -> str:
    """Empty cells: nothing was said. A cell that a spreadsheet would run begins with an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["rater", *table.questions])
    for row in table.rows:
        cells = [row[name] or "" for name in ("rater", *table.questions)]
        writer.writerow([f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell for cell in cells])
    return out.getvalue()
