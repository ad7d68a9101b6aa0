"""Spans between a record of an import or export and the form that is stored.

What a record says beyond what we know stays with its span under "extra"; offsets that select another text than the one
quoted are read by the rules of anchors.py, and the rule is kept as "anchored_by". None fits: "unanchored", with the
segments as they came, never dropped and never moved.
"""

from collections.abc import Mapping
from typing import Any

from annotation.protocols import Content, Value, anchors
from annotation.protocols.span_checks import Target, text_at

TEXTS = ("category", "granularity", "subcategory", "severity", "comment", "correction")
PLACES = {"response": "response_id", "context": "context_idx", "message": "prompt_message_idx"}
OWN = {*TEXTS, "target", "segments", "start", "end", "quote", "evidence", "omission", "response_id", "anchored_by"}


def read_span(record: object, names: Mapping[str, int], content: Content) -> Value:
    """One recorded span as stored; {"raw": …} where it is nothing of the kind."""
    if not isinstance(record, dict):
        return {"raw": record}
    span: Value = {key: record[key] for key in TEXTS if isinstance(record.get(key), str) and record[key]}
    if record.get("omission") is True:
        span["omission"] = True
    if record.get("response_id") is not None and str(record["response_id"]) in names:
        span["response"] = names[str(record["response_id"])]
    target = _target(record.get("target"), names)
    if target is not None:
        span["target"] = dict([target])
    span |= _anchored(record, target, content)
    unknown = {key: kept for key, kept in record.items() if key not in OWN and kept is not None}
    said = record.get("evidence")
    evidence = [found for one in said if (found := _passage(one, content))] if isinstance(said, list) else []
    if said and (not isinstance(said, list) or len(evidence) < len(said)):
        # All or nothing: half of an evidence would look like the whole.
        evidence, unknown["evidence"] = [], said
    unknown |= _beside_target(record.get("target"))
    return span | ({"evidence": evidence} if evidence else {}) | ({"extra": unknown} if unknown else {})


def _target(raw: object, names: Mapping[str, int]) -> Target | None:
    if not isinstance(raw, dict):
        return None
    for kind, key in PLACES.items():
        named = raw.get(key, raw.get(kind))
        if kind == "response" and named is not None:
            return (kind, names[str(named)]) if str(named) in names else None
        if type(named) is int:
            return kind, named
    return None


def _beside_target(raw: object) -> Value:
    """What a recorded target says beyond the text it names, e.g. which of several messages of a response."""
    if not isinstance(raw, dict):
        return {}
    known = {*PLACES, *PLACES.values(), "sha256"}
    kept = {key: value for key, value in raw.items() if key not in known and value is not None}
    return {"target": kept} if kept else {}


def _anchored(record: Mapping[str, Any], target: Target | None, content: Content) -> Value:
    """{segments, quote, anchored_by}, or what came with "unanchored"; {} for an omission without a place."""
    segments, quote = anchors.segments_of(record), record.get("quote")
    if not segments and record.get("omission") is True:
        return {}
    text = text_at(target, content) if target else None
    said = quote if isinstance(quote, str) else None
    found = None
    if text is not None and (segments or said):
        found = anchors.anchored(text, segments or (), said)
    if found is None or text is None:
        came = record.get("segments", [{key: record[key] for key in ("start", "end") if key in record}])
        return {"unanchored": True, "segments": came} | ({} if quote is None else {"quote": quote})
    kept = [{"start": start, "end": end} for start, end in found.segments]
    return {"segments": kept, "quote": anchors.quoted(text, found.segments), "anchored_by": found.rule}


def _passage(raw: object, content: Content) -> Value | None:
    if not isinstance(raw, dict):
        return None
    index = raw.get("context_idx", raw.get("context"))
    text = text_at(("context", index), content) if type(index) is int else None
    segments, quote = anchors.segments_of(raw), raw.get("quote")
    if text is None or not segments:
        return None
    found = anchors.anchored(text, segments, quote if isinstance(quote, str) else None)
    if found is None:
        return None
    ((start, end),) = found.segments[:1]
    return {"context": index, "start": start, "end": end, "quote": text[start:end]}


def write_span(span: Value, names: Mapping[int, str], hashes: Mapping[str, str]) -> Value:
    """One stored span as a native record tells it."""
    if "raw" in span:
        return {"raw": span["raw"]}
    record: Value = {key: span[key] for key in (*TEXTS, "omission", "unanchored", "anchored_by") if key in span}
    extra = dict(span.get("extra", {}))
    if span.get("target"):
        ((kind, number),) = span["target"].items()
        named = names[number] if kind == "response" else number
        record["target"] = {PLACES[kind]: named} | extra.pop("target", {})
        if f"{kind}:{number}" in hashes:
            record["target"]["sha256"] = hashes[f"{kind}:{number}"]
    if "response" in span:
        record["response_id"] = names[span["response"]]
    record |= {key: span[key] for key in ("segments", "quote") if key in span}
    if span.get("evidence"):
        record["evidence"] = [
            {"context_idx" if key == "context" else key: kept for key, kept in one.items()} for one in span["evidence"]
        ]
    return extra | record
