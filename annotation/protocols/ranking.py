"""An order of up to eight responses: tiers, best first, that hold several where they are tied; below them the rejected.

The browser posts the lane of each response ("1" … "8", or "x"); lanes that stay empty do not count.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from pydantic import Field

from annotation.protocols import (
    Config,
    Content,
    Controls,
    Key,
    Preference,
    Shape,
    Value,
    asking,
    check_keys,
    check_text,
    fault,
)
from annotation.protocols.asking import Asked, Task
from annotation.protocols.choosing import RATIONALE_LIMIT, ByPart, Need, undecided, whole
from common.words import gettext_noop

MOST = 8
ROUNDS_FROM = 6
REJECT = "x"
ASPECT_LIMIT = 100
_LANES = frozenset(str(rank) for rank in range(1, MOST + 1))


class RankingConfig(Config):
    ties: bool = Field(
        True, title=gettext_noop("Allow ties"), description=gettext_noop("Several responses may share a rank.")
    )
    reject: bool = Field(
        False,
        title=gettext_noop("Allow to reject"),
        description=gettext_noop("Responses too bad to be ranked go into a lane of their own."),
    )
    rounds: Literal["lanes", "best_worst"] = Field(
        "lanes",
        title=gettext_noop("How to rank"),
        description=gettext_noop(
            "lanes: each response goes to a rank. best_worst: six responses or more are ranked in rounds, "
            "the best and the worst of those left; fewer go to lanes."
        ),
    )
    rationale: Need = Field(
        "off", title=gettext_noop("Rationale"), description=gettext_noop("A few words of the rater on why.")
    )


def ordinal(rank: int) -> str:
    """1st, 2nd, …, as a lane is headed."""
    names = {1: pgettext("rank", "1st"), 2: pgettext("rank", "2nd"), 3: pgettext("rank", "3rd")}
    return names.get(rank) or pgettext("rank", "%dth") % rank


class Ranking(ByPart, Asked):
    key = "ranking"
    title = gettext_lazy("Ranking")
    asks = gettext_lazy("Rank the responses from best to worst")
    Config = RankingConfig
    form_template = "annotation/protocols/ranking.html"
    script = "annotation/protocols/ranking.js"
    record_kinds = ("ranking",)
    reads_text = False
    on_cards = False
    keys = (
        Key("forward", "j", gettext_lazy("next response")),
        Key("back", "k", gettext_lazy("previous response")),
        Key("tie", "=", gettext_lazy("tie with the response placed last")),
        Key("reject", "x", gettext_lazy("reject the response")),
        Key("expand", " ", gettext_lazy("show the whole text in place")),
    )

    def in_dock(self, config: Value) -> bool:
        return False

    def check_item(self, shape: Shape, config: Value) -> str:
        if 2 <= shape.responses <= MOST:
            return ""
        return _("a ranking needs two to %(most)d responses, and there are %(count)d") % {
            "most": MOST,
            "count": shape.responses,
        }

    # The page

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        count, lanes = len(content.responses), self._lanes(answer)
        ranks = [{"value": str(rank), "words": ordinal(rank)} for rank in range(1, count + 1)]
        ranks += [{"value": REJECT, "words": pgettext("lane", "Rejected")}] if config["reject"] else []
        cards = [
            {
                "letter": one.letter,
                "excerpt": " ".join((one.text or "").split())[:160],
                "lanes": [rank | {"chosen": rank["value"] == lanes.get(one.letter, "")} for rank in ranks],
            }
            for one in content.displayed
        ]
        rounds = config["rounds"] == "best_worst" and count >= ROUNDS_FROM
        return Controls(
            {
                "cards": cards,
                "ranks": ranks,
                "ties": config["ties"],
                "reject": config["reject"],
                "rounds": rounds,
                "rationale": config["rationale"],
                "text": answer.get("rationale", ""),
            }
        )

    def _lanes(self, answer: Value) -> dict[str, str]:
        """{letter: lane}, as posted."""
        lanes = {name: str(rank) for rank, tier in enumerate(answer.get("tiers") or [], start=1) for name in tier}
        return lanes | dict.fromkeys(answer.get("rejected") or [], REJECT)

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        """Lanes that stayed empty are kept as empty tiers, so that a draft finds its cards where they lay."""
        placed = {part: texts[-1] for part, texts in parts.items() if len(part) == 1 and any(texts)}
        answer: Value = {part: parts[part][-1] for part in ("rationale",) if parts.get(part) and parts[part][-1]}
        if placed:
            ranks = {name: int(lane) if lane in _LANES else 0 for name, lane in placed.items()}
            answer["tiers"] = [
                sorted(name for name, rank in ranks.items() if rank == one)
                for one in range(1, max(ranks.values(), default=0) + 1)
            ]
            answer["rejected"] = sorted(name for name, rank in ranks.items() if rank == 0)
        return answer or None

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        pairs = sorted(self._lanes(answer).items())
        return pairs + ([("rationale", answer["rationale"])] if answer.get("rationale") else [])

    def in_words(self, answer: Value, config: Value) -> list[str]:
        tiers = [" = ".join(tier) for tier in answer.get("tiers") or [] if tier]
        rejected = answer.get("rejected") or []
        lines = [" > ".join(tiers)] if tiers else []
        if rejected:
            names = ", ".join(rejected)
            lines.append(ngettext("Rejected: %(names)s", "Rejected: %(names)s", len(rejected)) % {"names": names})
        lines = lines or [_("Nothing placed")]
        return lines + ([answer["rationale"]] if answer.get("rationale") else [])

    # Values

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        given = check_keys(raw, ("tiers", "rejected", "aspect", "rationale"))
        tiers = [self._tier(tier, "tiers", content) for tier in self._list(given.get("tiers"), "tiers")]
        rejected = self._tier(given.get("rejected"), "rejected", content)
        if rejected and not config["reject"]:
            raise fault("rejected", _("This form rejects nothing."))
        if not config["ties"] and any(len(tier) > 1 for tier in tiers):
            raise fault("tiers", _("This form allows no ties."))
        self._check_whole(tiers, rejected, content)
        value: Value = {"tiers": [tier for tier in tiers if tier], "rejected": rejected}
        texts = {
            "aspect": check_text(given.get("aspect"), "aspect", limit=ASPECT_LIMIT),
            "rationale": check_text(
                given.get("rationale"), "rationale", limit=RATIONALE_LIMIT, need=config["rationale"]
            ),
        }
        return value | {key: text for key, text in texts.items() if text}

    def _list(self, raw: object, key: str) -> list[Any]:
        if raw is None:
            return []
        if not isinstance(raw, list):
            raise fault(key, _("Must be a list."))
        return raw

    def _tier(self, raw: object, key: str, content: Content) -> list[int]:
        """Ids in item order, of letters or ids."""
        names = self._list(raw, key)
        return sorted((self._response(name, key, content) for name in names), key=content.ids.index)

    def _response(self, name: object, key: str, content: Content) -> int:
        if whole(name) and name in content.ids:
            return name
        return content.by_letter(name, key).id

    def _check_whole(self, tiers: Sequence[Sequence[int]], rejected: Sequence[int], content: Content) -> None:
        counts = Counter([pk for tier in tiers for pk in tier] + list(rejected))
        wanting = [one.letter for one in content.displayed if not counts[one.id]]
        if wanting:
            raise fault("tiers", _("Not placed yet: %s.") % ", ".join(wanting))
        twice = [one.letter for one in content.displayed if counts[one.id] > 1]
        if twice:
            raise fault("tiers", _("Placed twice: %s.") % ", ".join(twice))

    def display_form(self, value: Value, content: Content) -> Value:
        if "raw" in value:
            return {}
        return {
            "tiers": [sorted(content.letter(pk) for pk in tier) for tier in value["tiers"]],
            "rejected": sorted(content.letter(pk) for pk in value["rejected"]),
        } | {key: value[key] for key in ("aspect", "rationale") if key in value}

    def from_record(self, record: Mapping[str, Any], names: Mapping[str, int], content: Content) -> Value:
        order = list(names.values())
        try:
            tiers = [sorted((names[str(name)] for name in tier), key=order.index) for tier in record.get("tiers") or []]
            rejected = sorted((names[str(name)] for name in record.get("rejected") or []), key=order.index)
        except (KeyError, TypeError):
            return {"raw": dict(record)}
        placed = [pk for tier in tiers for pk in tier] + rejected
        if not all(tiers) or sorted(placed) != sorted(order) or record.get("unranked"):
            return {"raw": dict(record)}
        texts = {key: record.get(key) for key in ("aspect", "rationale")}
        kept = {key: text for key, text in texts.items() if isinstance(text, str) and text}
        return {"tiers": tiers, "rejected": rejected} | kept

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        if "raw" in value:
            return dict(value["raw"])
        return {
            "kind": "ranking",
            "tiers": [[names[pk] for pk in tier] for tier in value["tiers"]],
            "rejected": [names[pk] for pk in value["rejected"]],
            "unranked": [],
        } | {key: value[key] for key in ("aspect", "rationale") if key in value}

    # Votes: each pair of responses is voted on, and whether each is rejected.

    def ballots(self, value: Value) -> dict[str, str]:
        ranks = _ranks(value)
        pairs = {
            f"{a}~{b}": "=" if ranks[a] == ranks[b] else str(a if ranks[a] < ranks[b] else b)
            for a, b in combinations(sorted(ranks), 2)
        }
        return pairs | {f"{pk}{REJECT}": "yes" if pk in value["rejected"] else "no" for pk in ranks}

    def outcome_in_words(self, outcome: str, content: Content) -> str:
        part, _equals, said = outcome.partition("=")
        if part.endswith(REJECT):
            words = _("%s rejected") if said == "yes" else _("%s not rejected")
            return words % content.letter(int(part.removesuffix(REJECT)))
        a, b = map(int, part.split("~"))
        if said == str(b):
            a, b = b, a
        return f"{content.letter(a)} {'=' if said == '=' else '>'} {content.letter(b)}"

    def elected(self, won: Mapping[str, str | None], values: Sequence[Value]) -> Value:
        """Copeland: a response counts one for each other that the majority puts below it, a half for a tie."""
        order = sorted(_ranks(values[0]))
        rejected = [pk for pk in order if won.get(f"{pk}{REJECT}") == "yes"]
        points: Counter[int] = Counter(dict.fromkeys((pk for pk in order if pk not in rejected), 0))
        for a, b in combinations(sorted(points), 2):
            winner = won.get(f"{a}~{b}")
            for pk in (a, b):
                points[pk] += 2 if winner == str(pk) else 1 if winner in (None, "=") else 0
        tiers = [[pk for pk in order if pk in points and points[pk] == one] for one in sorted(set(points.values()))]
        return {"tiers": tiers[::-1], "rejected": rejected} | undecided(won)

    def distance(self, left: Value, right: Value) -> float:
        """Kendall's distance with ties (Kemeny and Snell): a pair the other way round counts 1, a tie against an order
        ½; together with the share of responses that only one of them rejects."""
        ours, theirs = self.ballots(left), self.ballots(right)
        parts = {*ours, *theirs}
        if not parts:
            return 0.0
        total = 0.0
        for part in parts:
            said = (ours.get(part), theirs.get(part))
            total += 0.0 if said[0] == said[1] else 0.5 if "=" in said else 1.0
        return total / len(parts)

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        """All pairs of different tiers, the rejected below them all; a tie is a pair with `soft` one half.

        Strength counts the tiers between. `soft`: shares of "<id>~<id>=<id>", and of "<id>~<id>==" for a tie. Pairs on
        which votes stand against each other are left out.
        """
        ranks, found = _ranks(value), []
        split, shares = set(value.get("split") or []), soft or {}
        for a, b in combinations(sorted(ranks), 2):
            part = f"{a}~{b}"
            if part in split or (a in value["rejected"] and b in value["rejected"]):
                continue
            better, worse = (a, b) if ranks[a] <= ranks[b] else (b, a)
            apart = ranks[worse] - ranks[better]
            share = 1.0 if apart else 0.5
            if apart and any(key.startswith(f"{part}=") for key in shares):
                share = shares.get(f"{part}={better}", 0.0) + shares.get(f"{part}==", 0.0) / 2
            found.append(Preference(better, worse, float(apart), share))
        return found

    # Judges

    def question(self, config: Value, content: Content) -> Task:
        letters = [one.letter for one in content.displayed]
        answer = {"tiers": "[[letters of the best], [letters of the next], …]"}
        rules = [f"Each of {', '.join(letters)} stands exactly once."]
        rules.append(
            "Responses that are equally good share a tier."
            if config["ties"]
            else "Each tier holds one letter: no ties."
        )
        if config["reject"]:
            answer["rejected"] = "[letters]"
            rules.append("rejected: responses too bad to be ranked; they stand in no tier.")
        return Task(
            f"You rank {len(letters)} responses to the same prompt from best to worst.",
            "In which order do the responses stand?",
            answer | asking.rationale(config),
            rules,
            ("tiers", "rejected"),
        )


def _ranks(value: Value) -> dict[int, int]:
    """{id: rank} from 0; the rejected share the last. Empty where the value ranks nothing."""
    tiers = [*(value.get("tiers") or []), value.get("rejected") or []]
    return {pk: rank for rank, tier in enumerate(tiers) for pk in tier}


PROTOCOL = Ranking()
