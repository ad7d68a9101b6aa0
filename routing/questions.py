"""What a judge is asked about items: read in a few queries, whatever their number."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from annotation.models import Annotation, Item, Rater
from annotation.services.forms import current_form
from projects.models import Guideline
from routing.judges import Question
from routing.models import Judge


def questions(judge: Judge, asked: Mapping[int, int], *, reads_recorded: bool) -> list[Question]:
    """One question a call and required field of the form in force. `asked`: call → its item, of the judge's project."""
    fields = [field for field in current_form(project=judge.project).fields if field.get("required", True)]
    guideline = Guideline.objects.filter(project=judge.project_id).order_by("-number").first()
    found = (
        Item.objects.filter(pk__in=asked.values()).select_related("prompt").prefetch_related("item_responses__response")
    )
    items = {item.pk: item for item in found}
    recorded = recorded_values(asked.values()) if reads_recorded else {}
    return [
        Question(
            call_id=call_id,
            key=items[item_id].external_id,
            field=field["name"],
            protocol=field["protocol"],
            config=field["config"],
            prompt=items[item_id].prompt.messages,
            responses=[(row.response_id, row.response.messages) for row in items[item_id].item_responses.all()],
            guideline=guideline.text if guideline else "",
            context=[str(passage.get("text", "")) for passage in items[item_id].prompt.context],
            recorded=recorded.get((item_id, field["name"]), {}),
        )
        for call_id, item_id in asked.items()
        for field in fields
    ]


def recorded_values(item_ids: Collection[int]) -> dict[tuple[int, str], dict[str, dict[str, Any]]]:
    """(item, field) → {recorded judge's name in its import: what it said, in normal form}."""
    found: dict[tuple[int, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    rows = Annotation.objects.filter(
        item__in=item_ids, standing=Annotation.Standing.RECORDED, rater__kind=Rater.Kind.RECORDED_JUDGE
    )
    for item_id, values, name in rows.order_by("pk").values_list("item", "values", "rater__external_id"):
        for field, value in values.items():
            if isinstance(value, dict):
                found[item_id, field][name] = value
    return found
