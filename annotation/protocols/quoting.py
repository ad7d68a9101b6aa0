"""Spans as a judge marks them: by quoting. A quote is looked up in the raw text, and must be found in one place only.

Nobody can count characters in a text that they read as tokens, so a judge gives no offsets: it quotes, and says the
how-manieth occurrence it means where the quote stands in the text more than once.
"""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from annotation.protocols import Content, Value, check_keys, fault
from annotation.protocols.asking import Task, one_of
from annotation.protocols.choosing import whole
from annotation.protocols.span_checks import Target, text_at

MOST_OCCURRENCES = 1000
KEPT = ("category", "subcategory", "severity", "comment", "correction")
PARTS = (*KEPT, "in", "quote", "occurrence", "omission", "response", "evidence")


def task(config: Value, content: Content) -> Task:
    """What to ask of a form of marks."""
    names = list(_places(config, content))
    parts = {"in": one_of(names), "quote": '"…"', "category": one_of([one["key"] for one in config["categories"]])}
    rules = [
        "quote: copied from the text character by character, no longer than it must be.",
        'Where a quote stands in its text more than once, "occurrence" says which one is meant, counted from 1.',
        *(_told(one) for one in config["categories"]),
    ]
    if any(one["subcategories"] for one in config["categories"]):
        parts["subcategory"] = '"…"'
    if config["severity"] != "off":
        parts["severity"] = one_of([one["key"] for one in config["severities"]])
        rules += [f"{one['key']}: {one['name']}" for one in config["severities"]]
    for part, need in (("comment", "note"), ("correction", "correction")):
        parts |= {part: '"…"'} if config[need] != "off" else {}
    if config["evidence"] and content.context:
        parts["evidence"] = '[{"in": "context:n", "quote": "…"}]'
        rules.append("evidence: the sentences of the context that show the fault.")
    if config["omissions"]:
        letters = one_of([one.letter for one in content.displayed])
        rules.append(
            'What a response should have said and did not is a mark without "in" and "quote", with '
            f'"omission": true and "response": {letters}.'
        )
    answer = "[{" + ", ".join(f'"{key}": {words}' for key, words in parts.items()) + "}, …]"
    rules.append('"none": true, and no marks, where there are no errors at all; else leave it out.')
    return Task(
        "You mark where a text is wrong, and how.", "Where are the errors?", {"spans": answer, "none": "true"}, rules
    )


def _told(category: Value) -> str:
    kinds = ", ".join(f'"{one["key"]}" ({one["name"]})' for one in category["subcategories"])
    whole_text = "It is of the whole text: the quote may be left out." if category["granularity"] == "response" else ""
    told = [f"{category['key']}: {category['name']}.", category["description"], whole_text]
    return " ".join([*filter(None, told), *([f"Its subcategories: {kinds}."] if kinds else [])])


def _places(config: Value, content: Content) -> dict[str, Target]:
    """Every text that may be marked, by the name that it has for a judge."""
    places: dict[str, Target] = {}
    if "responses" in config["targets"]:
        places |= {one.letter: ("response", one.id) for one in content.displayed}
    if "context" in config["targets"]:
        places |= {f"context:{index}": ("context", index) for index in range(len(content.context))}
    if "messages" in config["targets"]:
        places |= {f"message:{index}": ("message", index) for index in range(len(content.messages))}
    return places


def displayed(given: Value, config: Value, content: Content) -> Value:
    """An answer of a judge in display terms. Raises Invalid where a quote is not found, or in more than one place."""
    spans = given.get("spans") or []
    if not isinstance(spans, list):
        raise fault("spans", _("Must be a list."))
    found = [_span(one, f"spans.{position}", config, content) for position, one in enumerate(spans)]
    return ({"spans": found} if found else {}) | ({"none": given["none"]} if given.get("none") else {})


def _span(raw: object, key: str, config: Value, content: Content) -> Value:
    said = check_keys(raw, PARTS)
    span = {part: said[part] for part in KEPT if said.get(part) is not None}
    if said.get("omission"):
        return span | {part: said[part] for part in ("omission", "response") if said.get(part) is not None}
    places = _places(config, content)
    place = places.get(said["in"]) if isinstance(said.get("in"), str) else None
    text = text_at(place, content) if place else None
    if place is None or text is None:
        raise fault(f"{key}.in", _("Must name one of %s.") % ", ".join(places))
    of_whole = [one["key"] for one in config["categories"] if one["granularity"] == "response"]
    if span.get("category") in of_whole:
        start, end = 0, len(text)
    else:
        start, end = found(text, said.get("quote"), said.get("occurrence"), f"{key}.quote")
    # Responses go by their letters, as on a page.
    target = {"response": said["in"]} if place[0] == "response" else dict([place])
    span |= {"target": target, "segments": [{"start": start, "end": end}], "quote": text[start:end]}
    evidence = said.get("evidence")
    if evidence:
        span["evidence"] = [_passage(one, f"{key}.evidence", content) for one in _listed(evidence, key)]
    return span


def _listed(raw: object, key: str) -> Sequence[object]:
    if not isinstance(raw, list):
        raise fault(f"{key}.evidence", _("Must be a list."))
    return raw


def _passage(raw: object, key: str, content: Content) -> Value:
    said = check_keys(raw, ("in", "quote", "occurrence"))
    known = {f"context:{index}": index for index in range(len(content.context))}
    index = known.get(said["in"]) if isinstance(said.get("in"), str) else None
    if index is None:
        raise fault(key, _("There is no such text."))
    start, end = found(content.context[index], said.get("quote"), said.get("occurrence"), key)
    return {"context": index, "start": start, "end": end, "quote": content.context[index][start:end]}


def found(text: str, quote: object, occurrence: object, key: str) -> tuple[int, int]:
    """(start, end) of a quote in a text. Raises Invalid where it is not there, or it is not clear which is meant."""
    if not isinstance(quote, str) or not quote.strip():
        raise fault(key, _("Give the text that is meant."))
    starts: list[int] = []
    at = text.find(quote)
    while at >= 0 and len(starts) < MOST_OCCURRENCES:
        starts.append(at)
        at = text.find(quote, at + 1)
    if not starts:
        raise fault(key, _("It does not stand in the text."))
    if occurrence is None and len(starts) > 1:
        raise fault(key, _("It stands in the text more than once."))
    number = 1 if occurrence is None else occurrence
    if not whole(number) or not 1 <= number <= len(starts):
        raise fault(key, _("It does not stand in the text so often."))
    return starts[number - 1], starts[number - 1] + len(quote)
