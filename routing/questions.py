"""What a judge is asked about claimed calls: read in a few queries, whatever the number of calls."""

from collections import defaultdict
from collections.abc import Sequence

from annotation.models import Annotation, Item, Rater
from annotation.services.forms import current_form
from projects.models import Guideline
from routing.judges import Question
from routing.models import Judge, JudgeCall


def questions(judge: Judge, calls: Sequence[JudgeCall], *, reads_recorded: bool) -> list[Question]:
    """One question a call and required field of the form in force. `calls`: of `judge`."""
    fields = [field for field in current_form(project=judge.project).fields if field.get("required", True)]
    guideline = Guideline.objects.filter(project=judge.project_id).order_by("-number").first()
    ids = [call.item_id for call in calls]
    found = Item.objects.filter(pk__in=ids).select_related("prompt").prefetch_related("item_responses__response")
    items = {item.pk: item for item in found}
    recorded = recorded_choices(ids) if reads_recorded else {}
    return [
        Question(
            call_id=call.pk,
            key=items[call.item_id].external_id,
            field=field["name"],
            protocol=field["protocol"],
            config=field["config"],
            prompt=items[call.item_id].prompt.messages,
            responses=[(row.response_id, row.response.messages) for row in items[call.item_id].item_responses.all()],
            guideline=guideline.text if guideline else "",
            context=[str(passage.get("text", "")) for passage in items[call.item_id].prompt.context],
            recorded=recorded.get((call.item_id, field["name"]), {}),
        )
        for call in calls
        for field in fields
    ]


def recorded_choices(item_ids: Sequence[int]) -> dict[tuple[int, str], dict[str, str]]:
    """(item, field) → {recorded judge's name in its import: choice, in item order}; "unsure" where it was unusable."""
    found: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    rows = Annotation.objects.filter(
        item__in=item_ids, standing=Annotation.Standing.RECORDED, rater__kind=Rater.Kind.RECORDED_JUDGE
    )
    for item_id, values, name in rows.order_by("pk").values_list("item", "values", "rater__external_id"):
        for field, value in values.items():
            if isinstance(value, dict) and "choice" in value:
                found[item_id, field][name] = value["choice"]
    return found
