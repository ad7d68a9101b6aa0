"""Whatever raters do in whatever order, the promises hold: a machine that tries, and looks after every step."""

import uuid
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from annotation.models import Annotation, Item, Slot
from annotation.services import drafts, items, labels, leases, submissions
from annotation.standings import current
from common.errors import Conflict
from tests import factories
from tests.annotation.conftest import A_MUCH_BETTER, B_MUCH_BETTER, TIE

who = st.integers(0, 2)
said = st.sampled_from([A_MUCH_BETTER, B_MUCH_BETTER, TIE])


class Day(RuleBasedStateMachine):
    """Three raters for two items that want one answer each: whoever dawdles loses the item to another."""

    held = Bundle("held")  # (rater, token), also long after the lease is over
    given = Bundle("given")  # (rater, annotation)

    def __init__(self):
        super().__init__()
        self.project = factories.ProjectFactory()
        factories.FormVersionFactory(project=self.project)
        self.raters = [factories.RaterFactory(project=self.project) for _ in range(3)]
        self.items = [factories.ItemFactory(project=self.project) for _ in range(2)]
        for item in self.items:
            items.open_slots(item=item, humans=1, judges=0)
        self.acknowledged = {}
        self.orders = {}

    @rule(target=held, n=who)
    def claim(self, n):
        lease = leases.claim(project=self.project, rater=self.raters[n])
        if lease is None:
            return multiple()
        before = self.orders.setdefault((n, lease.item.pk), lease.display_order)
        assert before == lease.display_order, "one rater sees one item in one order"
        return n, lease.token

    @rule(lease=held)
    def time_passes(self, lease):
        Slot.objects.filter(token=lease[1], state="leased").update(leased_until=timezone.now() - timedelta(seconds=1))

    @rule(lease=held)
    def leave(self, lease):
        leases.release(rater=self.raters[lease[0]], token=lease[1])

    @rule(lease=held)
    def heartbeat(self, lease):
        try:
            assert leases.renew(rater=self.raters[lease[0]], token=lease[1]) > timezone.now()
        except Conflict as conflict:
            assert conflict.code in {"lease-lost", "item-void", "already-answered"}

    @rule(lease=held, values=said)
    def type(self, lease, values):
        try:
            drafts.save(rater=self.raters[lease[0]], token=lease[1], values=values, version=0)
        except Conflict as conflict:
            assert conflict.code == "draft-stale" and conflict.extra["values"] != values

    @rule(lease=consumes(held))
    def skip(self, lease):
        try:
            leases.skip(rater=self.raters[lease[0]], token=lease[1], reason="other")
        except Conflict as conflict:
            assert conflict.code in {"lease-lost", "item-void", "already-answered"}

    @rule(target=given, lease=held, values=said, as_extra=st.booleans())
    def submit(self, lease, values, as_extra):
        rater = self.raters[lease[0]]
        try:
            done = submissions.submit(rater=rater, token=lease[1], values=values, as_extra=as_extra)
        except Conflict as conflict:
            assert conflict.code in {"lease-lost", "item-void", "already-answered"}
            kept = [draft.values for draft in rater.drafts.all()]
            assert values in kept, "what was typed is kept"
            return multiple()
        self.acknowledged[done.annotation.pk] = done.annotation.values
        return lease[0], done.annotation

    @rule(target=held, answer=given)
    def undo(self, answer):
        rater = self.raters[answer[0]]
        try:
            lease = submissions.retract(rater=rater, annotation=answer[1])
        except Conflict as conflict:
            assert conflict.code in {"too-late", "revised", "retracted", "item-void"}
            return multiple()
        return answer[0], lease.token

    @rule(target=given, answer=given, values=said)
    def correct(self, answer, values):
        rater = self.raters[answer[0]]
        try:
            done = submissions.revise(rater=rater, annotation=answer[1], values=values, idempotency_key=uuid.uuid4())
        except Conflict as conflict:
            assert conflict.code in {"revised", "retracted"}
            return multiple()
        self.acknowledged[done.annotation.pk] = done.annotation.values
        return answer[0], done.annotation

    @rule(n=st.integers(0, 1), humans=st.integers(0, 2))
    def ask_more(self, n, humans):
        self.items[n].refresh_from_db()
        if self.items[n].state != Item.State.VOID:
            items.open_slots(item=self.items[n], humans=humans, judges=0)

    @rule(n=st.integers(0, 1), leave=st.integers(0, 2))
    def ask_fewer(self, n, leave):
        items.void_slots(slots=self.items[n].slots.filter(state="open").order_by("ordinal")[leave:])

    @rule(n=st.integers(0, 1), sure=st.sampled_from([True, *[False] * 5]))
    def withdraw(self, n, sure):
        if sure:  # rarely: nothing more happens to the item afterwards
            items.withdraw_item(item=self.items[n])

    @invariant()
    def an_item_knows_how_many_answers_it_has(self):
        for item in Item.objects.filter(project=self.project):
            assert item.answered == item.slots.filter(purpose="label", state="done").count()

    @rule()
    def settle(self):
        labels.settle_due()

    @invariant()
    def nothing_acknowledged_is_lost_or_changed(self):
        assert dict(Annotation.objects.filter(item__in=self.items).values_list("pk", "values")) == self.acknowledged

    @invariant()
    def every_done_slot_has_its_answer_and_no_other(self):
        roots = Annotation.objects.filter(standing="counted", revises=None, retracted_at=None)
        answers = sorted(roots.values_list("slot", "rater"))
        assert answers == sorted(Slot.objects.filter(state="done").values_list("pk", "rater"))

    @invariant()
    def nobody_judges_an_item_twice(self):
        standing = current().values("item", "rater").annotate(n=Count("pk")).filter(n__gt=1)
        assert not standing.exists()

    @invariant()
    def an_item_is_open_while_something_waits(self):
        for item in Item.objects.filter(pk__in=[item.pk for item in self.items]).exclude(state="void"):
            waits = item.slots.filter(state__in=["open", "leased"]).exists()
            assert (item.state == "open") == waits


class TestAnyOrder(TestCase, Day.TestCase):
    settings = settings(max_examples=20, stateful_step_count=30, deadline=None, report_multiple_bugs=False)
