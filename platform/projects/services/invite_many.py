"""Invitations by the list: a table of people is looked through whole before a single link is made."""

import csv
import io
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from common.errors import Invalid
from common.text import check_text
from projects.models import Project, Role
from projects.reach import check_cohort, check_languages, split
from projects.services.invitations import check_days, make_invitation

COLUMNS = ("name", "email", "note", "role", "cohort", "languages")
LENGTHS = {"name": 80, "email": 254, "note": 120}
MAX_ROWS = 2000
MAX_CHARACTERS = 1_000_000
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Guest:
    """One line of the table, checked."""

    line: int
    role: str
    name: str = ""
    email: str = ""
    note: str = ""
    cohort: str = ""
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fault:
    line: int
    text: str


@dataclass
class Guests:
    """What a table says: the people it invites, and what is wrong with it, by line (the heading is line 1)."""

    rows: list[Guest] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def _table(text: str) -> list[tuple[int, list[str]]]:
    """The lines that are not blank, each with its number. Raises Invalid. Commas, semicolons or tabs part the cells."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_CHARACTERS:
        raise Invalid(fields={"table": [_("The table is too long.")]})
    heading = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=heading.count), strict=True)
    try:
        check_text(text)
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except (csv.Error, ValueError) as fault:
        said = _("Line %(line)s cannot be read: %(why)s.") % {"line": reader.line_num, "why": fault}
        raise Invalid(fields={"table": [said]}) from fault


def _heading(cells: list[str]) -> list[str]:
    names = [cell.strip().lower().replace("e-mail", "email") for cell in cells]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or len(set(names)) < len(names):
        said = _("The first line names the columns: some of %(columns)s, each once. “%(name)s” is none of them.")
        name = unknown[0] if unknown else next(name for name in names if names.count(name) > 1)
        raise Invalid(fields={"table": [said % {"columns": ", ".join(COLUMNS), "name": name[:40]}]})
    return names


def _guest(line: int, given: dict[str, str], default_role: str) -> Guest:
    """Raises Invalid or ValidationError."""
    role = given.get("role", "").lower() or default_role
    if role not in Role.values:
        raise Invalid(fields={"role": [_("“%(role)s” is no role.") % {"role": role[:40]}]})
    for name, most in LENGTHS.items():
        if len(given.get(name, "")) > most:
            said = _("“%(column)s” has more than %(most)s characters.")
            raise Invalid(fields={name: [said % {"column": name, "most": most}]})
    if given.get("email"):
        validate_email(given["email"])
    return Guest(
        line=line,
        role=role,
        cohort=check_cohort(given.get("cohort", "")),
        languages=tuple(check_languages(split(given.get("languages", "")))),
        **{name: given.get(name, "") for name in LENGTHS},
    )


def _known(project: Project) -> dict[str, str]:
    """E-mail addresses that are in use here → why a second invitation would be one too many."""
    known = {
        email.lower(): _("A member has this e-mail address already.")
        for email in project.memberships.exclude(user__email="").values_list("user__email", flat=True)
    }
    standing = project.invitations.filter(used_at=None, revoked_at=None).exclude(email="")
    said = _("An invitation to this e-mail address is open already.")
    return {email.lower(): said for email in standing.values_list("email", flat=True)} | known


def look_through(*, project: Project, text: str, default_role: str = Role.RATER) -> Guests:
    """Reads a table of people; nothing is made. Raises Invalid where it is no such table at all."""
    table = _table(text)
    if not table:
        raise Invalid(fields={"table": [_("The table is empty.")]})
    names = _heading(table[0][1])
    if not 1 <= len(table) - 1 <= MAX_ROWS:
        said = _("The table has %(rows)s people; from 1 to %(most)s can be invited at once.")
        raise Invalid(fields={"table": [said % {"rows": len(table) - 1, "most": MAX_ROWS}]})
    found, taken = Guests(), _known(project)
    for line, cells in table[1:]:
        if len(cells) > len(names):
            found.faults.append(Fault(line, _("There are more cells than columns.")))
            continue
        given = {name: cell.strip() for name, cell in zip(names, cells, strict=False)}
        try:
            guest = _guest(line, given, default_role)
        except Invalid as fault:
            found.faults.append(Fault(line, next(iter(fault.fields.values()))[0]))
            continue
        except ValidationError as fault:
            found.faults.append(Fault(line, fault.messages[0]))
            continue
        email = guest.email.lower()
        if email and email in taken:
            found.faults.append(Fault(line, taken[email]))
            continue
        if email:
            taken[email] = _("This e-mail address stands in line %(line)s already.") % {"line": line}
        found.rows.append(guest)
    return found


@transaction.atomic
def invite_all(*, project: Project, text: str, actor: User, days: int = 7) -> list[tuple[Guest, str]]:
    """An invitation for each line, with the path it opens at; all of them or, raising Invalid, none."""
    check_days(days)
    guests = look_through(project=project, text=text)
    if guests.faults:
        said = [_("Line %(line)s: %(why)s") % {"line": one.line, "why": one.text} for one in guests.faults]
        raise Invalid(_("Some lines are not right; nothing was made."), fields={"table": said})
    made = []
    for guest in guests.rows:
        values: dict[str, Any] = {name: getattr(guest, name) for name in (*LENGTHS, "cohort", "role")}
        languages = list(guest.languages)
        _made, path = make_invitation(project=project, actor=actor, days=days, languages=languages, **values)
        made.append((guest, path))
    return made


def _cell(text: str) -> str:
    """A spreadsheet runs what begins like a formula; an apostrophe keeps it text."""
    return f"'{text}" if text.startswith(FORMULA) else text


def as_csv(links: list[tuple[Guest, str]]) -> str:
    """The table with a link for each person. The paths must be made addresses by the caller."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, "link"])
    for guest, link in links:
        cells = [guest.name, guest.email, guest.note, guest.role, guest.cohort, ", ".join(guest.languages)]
        writer.writerow([*map(_cell, cells), link])
    return out.getvalue()
