"""What the router did, item by item: its words with their probabilities, what they bought, what came back.

Enough to reckon each figure of the desk again without the product. Raters go by pseudonym; drafts, what was taken back,
and answers that make no label (tests, repeats) stay here.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Prefetch

from annotation.models import Annotation, Item, Label, with_responses
from annotation.standings import current
from projects.models import Project
from routing.models import Decision, JudgeCall, Purchase

Json = dict[str, Any]

CHUNK = 200
"""Items read at once: memory does not grow with the project."""
ANSWERS = [Annotation.Standing.COUNTED, Annotation.Standing.RECORDED, Annotation.Standing.ADJUDICATED]
STATES = {"open": "reserved", "leased": "reserved", "done": "committed", "void": "released"}
"""What became of a label that was set money aside for, by the state of its slot."""


def routed_lines(*, project: Project) -> Iterator[Json]:
    """One object an item that the router has seen, by id."""
    items = Item.objects.filter(project=project, decisions__ordinal=1).select_related("prompt").order_by("pk")
    items = items.prefetch_related(
        with_responses(),
        "labels",
        Prefetch("decisions", Decision.objects.select_related("plan__judge", "risk_model").order_by("ordinal")),
        Prefetch("decisions__purchases", Purchase.objects.select_related("slot").order_by("pk")),
        Prefetch("judge_calls", JudgeCall.objects.select_related("judge", "decision").order_by("pk")),
        Prefetch(
            "annotations",
            current().filter(standing__in=ANSWERS).select_related("rater", "form_version").order_by("pk"),
        ),
    )
    return (_line(item) for item in items.iterator(chunk_size=CHUNK))


def _line(item: Item) -> Json:
    return {
        "schema_version": 1,
        "item": item.external_id,
        "random_key": item.random_key,
        "group": item.prompt.group,
        "tags": item.prompt.tags,
        "state": item.state,
        "responses": [{"id": row.response_id, "model": row.response.model_name} for row in item.item_responses.all()],
        "decisions": [_decision(one) for one in item.decisions.all()],
        "judge_calls": [_call(one) for one in item.judge_calls.all()],
        "answers": [_answer(one) for one in item.annotations.all()],
        "labels": [_label(one) for one in item.labels.all()],
    }


def _decision(decision: Decision) -> Json:
    plan = decision.plan
    return {
        **_plain(decision, "id", "ordinal", "purpose", "route", "propensity", "asked", "draw", "risk", "threshold"),
        **_plain(decision, "features", "reasons", "human_labels"),
        "plan": plan and plan.number,
        "policy": plan and plan.policy,
        "judge": plan and plan.judge and plan.judge.name,
        "risk_model": decision.risk_model and decision.risk_model.number,
        "cost": str(decision.cost),
        "bought": [{"price": str(one.price), "state": STATES[one.slot.state]} for one in decision.purchases.all()],
        "created_at": decision.created_at.isoformat(),
    }


def _call(call: JudgeCall) -> Json:
    return {
        **_plain(call, "state", "attempt", "confidence", "answer", "error", "tokens", "milliseconds"),
        "judge": call.judge.name,
        "decision": call.decision.ordinal,
        "reserved": str(call.judge.price_per_call),
        "cost": str(call.cost),
    }


def _answer(annotation: Annotation) -> Json:
    rater, form = annotation.rater, annotation.form_version
    return {
        **_plain(annotation, "standing", "values"),
        "rater": rater.pseudonym,
        "kind": rater.kind,
        "form": form and form.number,
        "submitted_at": annotation.submitted_at.isoformat(),
    }


def _label(label: Label) -> Json:
    return _plain(label, "field", "rule", "value", "soft", "confidence", "human_count", "judge_count")


def _plain(row: Any, *names: str) -> Json:
    return {name: getattr(row, name) for name in names}
