"""Fills a project with as many items as wanted, by SQL: `python -m benchmarks.seed --items 1000000 --overlap 4`.

Rows are what an import, the router and raters would have left, constraints and all; only the way there is short.
PostgreSQL only. Columns that this file does not name get what the model's field has as its default.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "platform"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

WORDS = "the model answers with a short plan then explains each step in order"
LANGUAGES = ("en", "en", "en", "de", "ja", "ar", "")
TOPICS = ("code", "history", "cooking", "law", "poetry")
BATCH = 100_000
CONFIDENCE = "(50 + g * 31 %% 51) / 100.0"


@dataclass(frozen=True)
class Mix:
    """Of every hundred items: how many are done, open with `part` of their answers, to be routed, withdrawn."""

    done: int = 0
    new: int = 0
    void: int = 0
    part: int = 0

    def state(self, g: str) -> str:
        """SQL: the state of item number `g`. Spread out by a prime, so that neighbours differ."""
        at = f"(({g}) * 37 %% 100)"
        done, new = self.done, self.done + self.new
        return (
            f"CASE WHEN {at} < {done} THEN 'done' WHEN {at} < {new} THEN 'new' "
            f"WHEN {at} < {new + self.void} THEN 'void' ELSE 'open' END"
        )


FRESH = Mix()
"""Nothing answered yet."""
WORKED = Mix(done=60, new=8, void=2, part=2)
"""With four answers wanted: three million of them for a million items."""


@dataclass
class Seeded:
    """What was made. `tokens`: API secrets, the admin's first."""

    slug: str
    items: int
    annotations: int = 0
    tokens: list[str] = field(default_factory=list)


def literal(model_field: Any, connection: Any) -> tuple[str, list[Any]]:
    """SQL for the default of a field."""
    if getattr(model_field, "auto_now_add", False) or getattr(model_field, "auto_now", False):
        return "now()", []
    value = model_field.get_default()
    return "%s", [model_field.get_db_prep_save(value, connection)]


def insert(model: Any, columns: Mapping[str, str], source: str) -> int:
    """INSERT … SELECT; `columns`: column → SQL over `source`. Returns how many rows."""
    from django.db import connection

    names, expressions, values = [], [], []
    for one in model._meta.concrete_fields:
        if one.column in columns:
            sql, given = columns[one.column], []
        elif one.primary_key:
            continue
        else:
            sql, given = literal(one, connection)
        names.append(f'"{one.column}"')
        expressions.append(sql)
        values += given
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({", ".join(names)}) SELECT {", ".join(expressions)} FROM {source}',
            values,
        )
        return int(cursor.rowcount)


def first_free(model: Any) -> int:
    from django.db.models import Max

    return int(model.objects.aggregate(last=Max("pk"))["last"] or 0)


def move_sequence(model: Any) -> None:
    """Explicit keys were used: the next one made by the product comes after them."""
    from django.db import connection

    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT coalesce(max(id), 1) FROM \"{table}\"))", [table]
        )


@contextmanager
def without_reference_checks() -> Any:
    """What is inserted refers to what was inserted a moment ago; checking row by row takes longer than the rest."""
    from django.db import connection

    if connection.in_atomic_block:  # a test's transaction: nothing is changed for the session
        yield
        return
    with connection.cursor() as cursor:
        with suppress(Exception):  # for superusers only; without it everything is slower and no less right
            cursor.execute("SET session_replication_role = replica")
        yield
        with suppress(Exception):
            cursor.execute("SET session_replication_role = DEFAULT")


def people(count: int) -> tuple[list[Any], list[str]]:
    """So many people and a writing token for each; whoever is there already is taken."""
    from accounts.models import ApiToken, Scope, User

    names = [f"bench-{number}" for number in range(count)]
    User.objects.bulk_create(
        [User(username=name, display_name=name.title(), password="!", may_create_projects=True) for name in names],
        ignore_conflicts=True,
    )
    by_name = User.objects.in_bulk(names, field_name="username")
    found = [by_name[name] for name in names]
    return found, [ApiToken.objects.create(user=user, name="benchmark", scope=Scope.WRITE)[1] for user in found]


def project(slug: str, overlap: int, raters: int) -> tuple[Any, list[Any], list[str]]:
    """A project whose first person is its admin and all others its raters; (project, raters, tokens)."""
    from annotation.models import FormVersion, Rater
    from annotation.services import forms
    from projects.models import Guideline, Membership, Project

    users, tokens = people(raters + 1)
    made = Project.objects.create(name=slug.title(), slug=slug, overlap=overlap, created_by=users[0])
    Membership.objects.bulk_create(
        Membership(project=made, user=user, role="rater" if number else "admin") for number, user in enumerate(users)
    )
    FormVersion.objects.create(project=made, number=1, fields=forms.default_fields())
    Guideline.objects.create(project=made, number=1, text="Prefer the answer that helps most.")
    found = [
        Rater.objects.create(project=made, user=user, kind="person", pseudonym=f"R-{user.pk}") for user in users[1:]
    ]
    return made, found, tokens


def seed(*, slug: str, items: int, overlap: int = 1, raters: int = 8, mix: Mix = FRESH, say: Any = None) -> Seeded:
    """Makes project `slug` with its items, slots, answers, labels and flags."""
    from annotation.models import Annotation, Item, ItemResponse, Slot
    from corpus.models import Import, Prompt, Response

    say = say or (lambda words: None)
    made, found, tokens = project(slug, overlap, raters)
    bases = {model: first_free(model) for model in (Prompt, Response, Item, Slot)}
    sources = [
        Import.objects.create(project=made, format="native", filename=f"part-{number}.jsonl", state="succeeded").pk
        for number in range(5)
    ]
    counted = Seeded(slug, items, tokens=tokens)
    with without_reference_checks():
        for low in range(1, items + 1, BATCH):
            high = min(items, low + BATCH - 1)
            _content(made.pk, bases, sources, mix, overlap, low, high)
            counted.annotations += _work(made, found, bases, mix, overlap, low, high)
            say(f"{high:,} of {items:,} items, {counted.annotations:,} annotations")
    for model in (*bases, ItemResponse, Annotation):
        move_sequence(model)
    return counted


def _text(at: str, words: int) -> str:
    """SQL: a text of about so many words that differs from number to number. `pair()` of the load harness in SQL."""
    length = words * 5
    return f"substr(repeat('{WORDS} ', 12), 1 + (({at}) * 7) %% 60, {length})"


def _content(project_id: int, bases: Any, sources: Sequence[int], mix: Mix, overlap: int, low: int, high: int) -> None:
    """Prompts, two responses each, and the items of them, numbered `low` to `high`."""
    from annotation.models import Item, ItemResponse
    from corpus.models import Prompt, Response

    p, r, i = bases[Prompt], bases[Response], bases[Item]
    numbers = f"generate_series({low}, {high}) g"
    when = "now() - ((2592000 - g %% 2592000) || ' seconds')::interval"
    languages = f"(array{list(LANGUAGES)!r})[1 + g %% {len(LANGUAGES)}]"
    topics = f"(array{list(TOPICS)!r})[1 + g %% {len(TOPICS)}]"
    insert(
        Prompt,
        {
            "id": f"{p} + g",
            "project_id": str(project_id),
            "external_id": "'prompt-' || g",
            "group": "md5(g::text)",
            "messages": "jsonb_build_array(jsonb_build_object('role', 'user', 'content', "
            f"'Question ' || g || ': ' || {_text('g', 40)}))",
            "language": languages,
            "tags": f"jsonb_build_object('topic', {topics})",
            "created_at": when,
        },
        numbers,
    )
    insert(
        Response,
        {
            "id": f"{r} + 2 * g - 1 + s",
            "prompt_id": f"{p} + g",
            "external_id": "'response-' || s",
            "messages": f"jsonb_build_array(jsonb_build_object('role', 'assistant', 'content', {_text('g + s', 100)}))",
            "author_kind": "'model'",
            "model_name": "'model-' || s",
            "created_at": when,
        },
        f"{numbers}, generate_series(0, 1) s",
    )
    insert(
        Item,
        {
            "id": f"{i} + g",
            "project_id": str(project_id),
            "external_id": "'pair-' || g",
            "prompt_id": f"{p} + g",
            "state": mix.state("g"),
            "priority": "CASE WHEN g %% 50 = 0 THEN 5 WHEN g %% 20 = 0 THEN -1 ELSE 0 END",
            "random_key": "(random() * 2147483646)::int",
            "round": "1 + g %% 3",
            "answered": f"CASE ({mix.state('g')}) WHEN 'done' THEN {overlap} WHEN 'open' THEN {mix.part} ELSE 0 END",
            "confidence": f"CASE WHEN ({mix.state('g')}) IN {_labelled(mix)} THEN {CONFIDENCE} END",
            "source_id": f"(array{list(sources)!r})[1 + g %% {len(sources)}]",
            "created_at": when,
        },
        numbers,
    )
    insert(
        ItemResponse,
        {"item_id": f"{i} + g", "response_id": f"{r} + 2 * g - 1 + s", "ordinal": "s"},
        f"{numbers}, generate_series(0, 1) s",
    )


def _work(made: Any, raters: Sequence[Any], bases: Any, mix: Mix, overlap: int, low: int, high: int) -> int:
    """Slots of the items that were routed, the answers given, their labels, and a flag here and there."""
    from annotation.models import Annotation, FormVersion, Item, Slot
    from corpus.models import Response

    r, i, s = bases[Response], bases[Item], bases[Slot]
    form = FormVersion.objects.filter(project=made).latest("number").pk
    who = f"(array{[rater.pk for rater in raters]!r})[1 + (g + o) %% {len(raters)}]"
    answered = f"(o < {mix.part} OR ({mix.state('g')}) = 'done')"
    one, other = f"{r} + 2*g - 1", f"{r} + 2*g"
    order = (
        f"CASE WHEN (g + o) %% 2 = 0 THEN jsonb_build_array({one}, {other}) ELSE jsonb_build_array({other}, {one}) END"
    )
    numbers = (
        f"generate_series({low}, {high}) g, generate_series(0, {overlap - 1}) o "
        f"WHERE ({mix.state('g')}) IN ('open', 'done')"
    )

    def where_done(sql: str) -> str:
        return f"CASE WHEN {answered} THEN {sql} END"

    slots = {
        "id": f"{s} + (g - 1) * {overlap} + o + 1",
        "item_id": f"{i} + g",
        "project_id": str(made.pk),
        "ordinal": "o + 1",
        "state": f"CASE WHEN {answered} THEN 'done' ELSE 'open' END",
        "priority": "CASE WHEN g %% 50 = 0 THEN 5 WHEN g %% 20 = 0 THEN -1 ELSE 0 END",
        "random_key": "(random() * 2147483646)::int",
        "rater_id": where_done(who),
        "token": where_done("gen_random_uuid()"),
        "leased_at": where_done("now()"),
        "display_order": where_done(order),
        "form_version_id": where_done(str(form)),
    }
    insert(Slot, slots, numbers)
    if not (mix.done or mix.part):
        return 0
    # Over the last thirty days, the latest now: a pace and a forecast have something to go by.
    at = "now() - ((g * 7 + o) %% 2592000 || ' seconds')::interval"
    value = "(array['left', 'right', 'left', 'tie'])[1 + (g * 3 + o) %% 4]"
    made_of = (
        f"jsonb_build_object('preference', jsonb_build_object('left', {r} + 2*g - 1, 'right', {r} + 2*g, "
        f"'choice', {value}, 'strength', CASE WHEN {value} = 'tie' THEN 0 ELSE 1 + g %% 3 END))"
    )
    annotations = {
        "item_id": f"{i} + g",
        "rater_id": who,
        "slot_id": slots["id"],
        "standing": "'counted'",
        "values": made_of,
        "form_version_id": str(form),
        "display_order": order,
        "active_ms": "5000 + (g * 13) %% 60000",
        "submitted_at": at,
        "idempotency_key": "gen_random_uuid()",
        "body_hash": "md5(g || '-' || o)",
    }
    count = insert(Annotation, annotations, f"{numbers} AND {answered}")
    _settled(r, i, mix, low, high)
    return count


def _labelled(mix: Mix) -> str:
    """SQL: the states of items that have a label."""
    return "('open', 'done')" if mix.part else "('done')"


def _settled(r: int, i: int, mix: Mix, low: int, high: int) -> None:
    """A label of every item with answers, and an open flag on one item in two hundred."""
    from annotation.models import Flag, Item, Label, Rater

    numbers = f"generate_series({low}, {high}) g WHERE ({mix.state('g')}) IN {_labelled(mix)}"
    insert(
        Label,
        {
            "item_id": f"{i} + g",
            "field": "'preference'",
            "rule": "'majority'",
            "value": f"jsonb_build_object('left', {r} + 2*g - 1, 'right', {r} + 2*g, 'choice', 'left', 'strength', 1)",
            "soft": """'{"left": 0.75, "right": 0.25}'::jsonb""",
            "confidence": CONFIDENCE,
            "human_count": "4",
        },
        numbers,
    )
    rater = Rater.objects.filter(project=Item.objects.get(pk=i + low).project_id).first()
    assert rater is not None
    insert(
        Flag,
        {"item_id": f"{i} + g", "rater_id": str(rater.pk), "reason": "'broken'"},
        f"generate_series({low}, {high}) g WHERE g %% 200 = 0",
    )


def settle_statistics() -> None:
    """What autovacuum does within minutes of so many rows: a planner without statistics guesses."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seed", description=__doc__)
    parser.add_argument("--slug", default="seeded")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--overlap", type=int, default=4)
    parser.add_argument("--raters", type=int, default=64)
    parser.add_argument("--fresh", action="store_true", help="nothing answered yet")
    given = parser.parse_args()

    import django

    django.setup()
    from django.db import connection

    if connection.vendor != "postgresql":
        sys.exit("The seed is SQL of PostgreSQL's; set DATABASE_URL.")
    mix = FRESH if given.fresh else WORKED
    made = seed(slug=given.slug, items=given.items, overlap=given.overlap, raters=given.raters, mix=mix, say=print)
    settle_statistics()
    print(
        json.dumps({"slug": made.slug, "items": made.items, "annotations": made.annotations, "token": made.tokens[0]})
    )


if __name__ == "__main__":
    main()
