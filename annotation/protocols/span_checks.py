"""From the spans that somebody sent to the spans to store: every offset, quote and name of the ontology is checked."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotation.protocols import Content, Value, anchors, check_keys, check_text, fault
from annotation.protocols.ontology import GRANULARITIES
from common.errors import Invalid

SPANS_LIMIT = 500
SEGMENTS_LIMIT = 20
EVIDENCE_LIMIT = 20
TEXT_LIMIT = 20_000
PARTS = (
    *("target", "segments", "quote", "category", "granularity", "subcategory", "severity"),
    *("comment", "correction", "evidence", "omission", "response"),
)

Target = tuple[str, int]
"""("response", id), ("context", index) or ("message", index)."""


def text_at(target: Target, content: Content) -> str | None:
    """The raw text that a target names; None where there is none."""
    kind, number = target
    if kind == "response":
        return content.by_id(number).text if number in content.ids else None
    texts = content.context if kind == "context" else content.messages
    return texts[number] if 0 <= number < len(texts) else None


def targets_of(config: Value, content: Content) -> list[Target]:
    """Every text that a form lets raters mark."""
    kinds = {
        "responses": [("response", pk) for pk in content.ids],
        "context": [("context", index) for index in range(len(content.context))],
        "messages": [("message", index) for index in range(len(content.messages))],
    }
    return [target for kind in config["targets"] for target in kinds[kind]]


def hashes(spans: list[Value], there: Sequence[Target], content: Content) -> Value:
    """{"response:12": sha256} of every text that was `there` to be marked, or that a span speaks of."""
    named = set(there)
    for span in spans:
        named |= {target for target in [_stored_target(span.get("target"))] if target}
        named |= {("context", one["context"]) for one in span.get("evidence", [])}
    texts = {target: text_at(target, content) for target in sorted(named)}
    return {f"{kind}:{number}": anchors.sha256(text) for (kind, number), text in texts.items() if text is not None}


def _stored_target(target: object) -> Target | None:
    return next(iter(target.items())) if isinstance(target, dict) and target else None


class SpanCheck:
    """Checks the span at `position` of an answer; faults are named after it."""

    def __init__(self, raw: object, position: int, config: Value, content: Content) -> None:
        self.key = f"spans.{position}"
        self.config, self.content = config, content
        try:
            self.raw = check_keys(raw, PARTS)
        except Invalid as wrong:
            raise fault(self.key, wrong.detail) from wrong

    def stored(self) -> Value:
        category = self._category()
        span = self._omission() if self.raw.get("omission") else self._marked(category)
        span |= {"category": category["key"]} | self._weighed(category)
        for part, need in (("comment", "note"), ("correction", "correction")):
            text = self._text(part, self.config[need])
            span |= {part: text} if text else {}
        evidence = self._evidence()
        return span | ({"evidence": evidence} if evidence else {})

    def _fault(self, part: str, text: str) -> Invalid:
        return fault(f"{self.key}.{part}", text)

    def _category(self) -> Value:
        known: dict[str, Value] = {one["key"]: one for one in self.config["categories"]}
        found = known.get(self.raw["category"]) if isinstance(self.raw.get("category"), str) else None
        if found is None:
            raise self._fault("category", _("Must be one of %s.") % ", ".join(known))
        return found

    def _marked(self, category: Value) -> Value:
        if self.raw.get("response") is not None:
            raise self._fault("response", _("Only what is missing names a response beside its target."))
        target, text = self._target()
        segments = self._segments(text)
        granularity = self.raw.get("granularity") or category["granularity"]
        if granularity not in GRANULARITIES:
            raise self._fault("granularity", _("Must be one of %s.") % ", ".join(GRANULARITIES))
        if granularity == "response" and segments != ((0, len(text)),):
            raise self._fault("segments", _("This type of fault is of the whole text."))
        return self._anchored(target, segments, text) | {"granularity": granularity}

    def _omission(self) -> Value:
        """What is missing has no place of its own; its target is where the information stands, or nothing."""
        if not self.config["omissions"]:
            raise self._fault("omission", _("This form does not ask for what is missing."))
        if self.raw["omission"] is not True:
            raise self._fault("omission", _("Must be true or false."))
        span: Value = {"omission": True}
        if self.raw.get("response") is not None:
            span["response"] = self._response(self.raw["response"], "response")
        if self.raw.get("target") is None:
            if self.raw.get("segments") or self.raw.get("quote"):
                raise self._fault("target", _("Say which text the offsets count in."))
            return span
        target, text = self._target(("context", "message"))
        if not self.raw.get("segments"):
            return span | {"target": dict([target])}
        return span | self._anchored(target, self._segments(text), text)

    def _anchored(self, target: Target, segments: anchors.Segments, text: str) -> Value:
        quote = self.raw.get("quote")
        if not isinstance(quote, str):
            raise self._fault("quote", _("Give the text that the offsets select."))
        if anchors.quoted(text, segments) != quote:
            read = anchors.anchored(text, segments, quote)
            if read is not None and read.rule == "utf16":
                raise self._fault("segments", _("Offsets are Unicode code points; these count UTF-16 units."))
            raise self._fault("quote", _("It is not the text that the offsets select."))
        kept = [{"start": start, "end": end} for start, end in segments]
        return {"target": dict([target]), "segments": kept, "quote": quote}

    def _target(self, kinds: tuple[str, ...] = ()) -> tuple[Target, str]:
        raw = self.raw.get("target")
        allowed = kinds or [kind.removesuffix("s") for kind in self.config["targets"]]
        if not isinstance(raw, dict) or len(raw) != 1 or next(iter(raw)) not in allowed:
            raise self._fault("target", _("Must name one of %s.") % ", ".join(allowed))
        kind, named = next(iter(raw.items()))
        number = self._response(named, "target") if kind == "response" else named
        text = text_at((kind, number), self.content) if type(number) is int else None
        if text is None:
            raise self._fault("target", _("There is no such text."))
        return (kind, number), text

    def _response(self, named: object, part: str) -> int:
        """A response by letter, as displayed, or by id, as stored."""
        if type(named) is int and named in self.content.ids:
            return named
        return self.content.by_letter(named, f"{self.key}.{part}").id

    def _segments(self, text: str) -> anchors.Segments:
        raw = self.raw.get("segments")
        whole = isinstance(raw, list) and all(
            isinstance(one, dict) and set(one) == {"start", "end"} and all(type(at) is int for at in one.values())
            for one in raw
        )
        segments = tuple((one["start"], one["end"]) for one in raw) if whole and raw else ()
        if not segments or len(segments) > SEGMENTS_LIMIT or not anchors.fit(text, segments):
            said = _("Must be 1 to %(most)d of {start, end} in the text's %(length)d characters, in order and apart.")
            raise self._fault("segments", said % {"most": SEGMENTS_LIMIT, "length": len(text)})
        return segments

    def _weighed(self, category: Value) -> Value:
        """{subcategory?, severity?}."""
        found = {}
        kinds = [one["key"] for one in category["subcategories"]]
        # What is missing is told in a line of its own, without kinds.
        if (kinds and not self.raw.get("omission")) or self.raw.get("subcategory") is not None:
            found["subcategory"] = self._one_of("subcategory", kinds)
        need, degrees = self.config["severity"], [one["key"] for one in self.config["severities"]]
        if need == "required" or self.raw.get("severity") is not None:
            found["severity"] = self._one_of("severity", [] if need == "off" else degrees)
        return found

    def _one_of(self, part: str, known: list[str]) -> str:
        if not known:
            raise self._fault(part, _("This form does not ask for it."))
        if self.raw.get(part) not in known:
            raise self._fault(part, _("Must be one of %s.") % ", ".join(known))
        return str(self.raw[part])

    def _text(self, part: str, need: str) -> str:
        if part == "correction" and self.raw.get("omission"):
            need = "off"
        return check_text(self.raw.get(part), f"{self.key}.{part}", limit=TEXT_LIMIT, need=need)

    def _evidence(self) -> list[Value]:
        raw = self.raw.get("evidence")
        if not raw:
            return []
        if not self.config["evidence"]:
            raise self._fault("evidence", _("This form does not ask for it."))
        if not isinstance(raw, list) or len(raw) > EVIDENCE_LIMIT:
            raise self._fault("evidence", _("Must be a list of at most %d.") % EVIDENCE_LIMIT)
        return [self._passage(one) for one in raw]

    def _passage(self, raw: Any) -> Value:
        parts = ("context", "start", "end", "quote")
        if not isinstance(raw, dict) or set(raw) != set(parts) or any(type(raw[key]) is not int for key in parts[:3]):
            raise self._fault("evidence", _("Each is {context, start, end, quote}."))
        text = text_at(("context", raw["context"]), self.content)
        place = ((raw["start"], raw["end"]),)
        if text is None or not anchors.fit(text, place) or anchors.quoted(text, place) != raw["quote"]:
            raise self._fault("evidence", _("It is not the text that the offsets select."))
        return {key: raw[key] for key in parts}
