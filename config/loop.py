"""The loop of one project in numbers: its stations, as drawn on the overview, and what to do next to bring it round."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Q
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Item
from annotation.selectors import Progress
from common.charts import fixed
from corpus.models import ModelVersion
from projects.access import ADMIN, RESEARCH, REVIEW
from projects.models import Project, Role
from routing.models import Decision
from training_bridge.models import ACTIVE, Run, Snapshot

COUNTED = 10_000
"""Decisions, and items to be routed: counting stops here."""

# Where the stations stand in the picture, clockwise from the top left, as (column, row).
PLACES = [(0, 0), (1, 0), (1, 1), (1, 2), (1, 3), (0, 3), (0, 2), (0, 1)]
WIDTH, HEIGHT, COLUMN, ROW = 152, 80, 184, 112  # of a station, and from one to the next


@dataclass(frozen=True)
class Station:
    """One stop of the loop: how much is there, and what of it is under way. `column`, `row`: its place."""

    key: str
    label: str
    count: int
    detail: str
    href: str | None
    column: int
    row: int

    @property
    def x(self) -> int:
        return 4 + self.column * COLUMN

    @property
    def y(self) -> int:
        return 4 + self.row * ROW

    @property
    def middle(self) -> int:
        return self.x + WIDTH // 2

    @property
    def arrow(self) -> str:
        """The SVG path to the next station, clockwise."""
        if (self.column, self.row) == PLACES[0]:
            return f"M{self.x + WIDTH} {self.y + HEIGHT // 2}h{COLUMN - WIDTH - 6}"
        if (self.column, self.row) == PLACES[4]:
            return f"M{self.x} {self.y + HEIGHT // 2}h-{COLUMN - WIDTH - 6}"
        if self.column == 1:
            return f"M{self.middle} {self.y + HEIGHT}v{ROW - HEIGHT - 6}"
        return f"M{self.middle} {self.y}v-{ROW - HEIGHT - 6}"


@dataclass(frozen=True)
class Step:
    """Something that can be done next, and where."""

    text: str
    action: str
    href: str


def short(number: int) -> str:
    """A count in at most four characters: 999, 1.2k, 34k, 5.6M."""
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if number >= size:
            share = number / size
            return f"{fixed(share, 1 if share < 9.95 else 0)}{unit}"
    return str(number)


def page_for(name: str, project: Project, role: str, allowed: frozenset[Role]) -> str | None:
    """The address of a page of the project, for those who may see it."""
    if role not in allowed:
        return None
    try:
        return reverse(name, kwargs={"slug": project.slug})
    except NoReverseMatch:
        return None


def _counts(project: Project, whole: Progress) -> list[tuple[str, str, int, str, str, frozenset[Role]]]:
    """For each station: key, label, count, detail, the page that shows more, and who may see that page."""
    decisions = Decision.objects.filter(item__project=project).order_by()
    routed = decisions.values("pk")[: COUNTED + 1].count()
    by_judge = decisions.filter(route=Decision.Route.JUDGE).values("pk")[: COUNTED + 1].count()
    snapshots = Snapshot.objects.filter(project=project).aggregate(
        ready=Count("pk", filter=Q(state=Snapshot.State.READY)),
        coming=Count("pk", filter=Q(state__in=[Snapshot.State.QUEUED, Snapshot.State.BUILDING])),
    )
    runs = Run.objects.filter(project=project).aggregate(
        all=Count("pk"), active=Count("pk", filter=Q(state__in=ACTIVE))
    )
    kinds = ModelVersion.Kind
    models = ModelVersion.objects.filter(project=project).aggregate(
        all=Count("pk"),
        policy=Count("pk", filter=Q(kind=kinds.POLICY)),
        reward=Count("pk", filter=Q(kind=kinds.REWARD)),
    )

    def split(people: int, judge: int) -> str:
        return _("%(people)s people, %(judge)s judge") % {"people": short(people), "judge": short(judge)}

    want = _("%(count)s want responses") % {"count": short(whole.open_prompts)}
    under_way = _("%(new)s new, %(open)s open") % {"new": short(whole.items["new"]), "open": short(whole.items["open"])}
    spoken = _("%(count)s with people's word") % {"count": short(whole.labels_with_people)}
    people = whole.annotations_of_people
    # Of many decisions it is only said that they are many: nobody waits for a sum of a million.
    shared = split(routed - by_judge, by_judge) if routed <= COUNTED else _("and more")
    coming = _("%(count)s being made") % {"count": snapshots["coming"]}
    active = _("%(count)s active") % {"count": runs["active"]}
    made = _("%(policy)s policy, %(reward)s reward") % {"policy": models["policy"], "reward": models["reward"]}
    return [
        ("prompts", _("Prompts"), whole.prompts, want, "corpus:imports", RESEARCH),
        ("items", _("Items"), whole.items_total, under_way, "annotation:items", REVIEW),
        ("decisions", _("Decisions"), min(routed, COUNTED), shared, "routing:desk", RESEARCH),
        (
            "annotations",
            _("Annotations"),
            whole.annotations,
            split(people, whole.annotations - people),
            "annotation:items",
            REVIEW,
        ),
        ("labels", _("Labels"), whole.labels, spoken, "annotation:items", REVIEW),
        ("snapshots", _("Snapshots"), snapshots["ready"], coming, "training_bridge:snapshots", RESEARCH),
        ("runs", _("Runs"), runs["all"], active, "training_bridge:runs", RESEARCH),
        ("models", _("Model versions"), models["all"], made, "training_bridge:models", RESEARCH),
    ]


def stations(project: Project, role: str, whole: Progress) -> list[Station]:
    """The eight stations with their counts, each linked to the page that shows more where `role` may see it."""
    return [
        Station(key, label, count, detail, page_for(name, project, role, allowed), *place)
        for (key, label, count, detail, name, allowed), place in zip(_counts(project, whole), PLACES, strict=True)
    ]


def _possible_steps(project: Project, count: dict[str, int]) -> Iterator[tuple[bool, str, str, str, frozenset[Role]]]:
    """Every step there could be, in the order of the loop: whether it is due, its words, its page, who may."""
    unrouted = project.items.filter(state=Item.State.NEW).values("pk")[:COUNTED].count()
    yield (
        not project.guidelines.exists(),
        _("Raters have no guideline yet."),
        _("Write it"),
        "projects:guideline_new",
        ADMIN,
    )
    yield not project.form_versions.exists(), _("Raters have no form yet."), _("Choose it"), "annotation:form", ADMIN
    yield not count["prompts"], _("There is nothing to judge yet."), _("Import items"), "corpus:imports", RESEARCH
    yield (
        bool(unrouted) and not project.routing_plans.exists(),
        ngettext(
            "%(count)s item waits to be routed to people or a judge.",
            "%(count)s items wait to be routed to people or a judge.",
            unrouted,
        )
        % {"count": short(unrouted)},
        _("Choose a routing policy"),
        "routing:desk",
        RESEARCH,
    )
    yield project.memberships.count() == 1, _("You are alone here."), _("Invite raters"), "projects:members", ADMIN
    yield (
        bool(count["labels"]) and not project.snapshots.exists(),
        ngettext(
            "%(count)s label can be frozen into a snapshot.",
            "%(count)s labels can be frozen into a snapshot.",
            count["labels"],
        )
        % {"count": short(count["labels"])},
        _("Make a snapshot"),
        "training_bridge:snapshots",
        RESEARCH,
    )
    yield (
        bool(count["snapshots"]) and not count["runs"],
        _("A snapshot is ready to train on."),
        _("Start a run"),
        "training_bridge:runs",
        RESEARCH,
    )


def next_steps(project: Project, role: str, found: list[Station]) -> list[Step]:
    """What is due and `role` may do. `found`: the stations, whose counts decide."""
    count = {station.key: station.count for station in found}
    steps = []
    for due, text, action, name, allowed in _possible_steps(project, count):
        href = page_for(name, project, role, allowed) if due else None
        if href:
            steps.append(Step(text, action, href))
    return steps
