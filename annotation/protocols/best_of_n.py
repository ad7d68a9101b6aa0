"""Which of several responses is the best; if asked, which is the worst (best–worst scaling), or that none is good."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
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
from annotation.protocols.asking import Asked, Task, one_of
from annotation.protocols.choosing import RATIONALE_LIMIT, ByPart, Need, option, undecided, whole
from common.words import gettext_noop

NONE = "none"


class BestOfNConfig(Config):
    worst: Need = Field(
        "off",
        title=gettext_noop("The worst"),
        description=gettext_noop("Best and worst of each item scale many responses with few answers."),
    )
    none: bool = Field(False, title=gettext_noop("Allow “none is good”"))
    rationale: Need = Field(
        "optional", title=gettext_noop("Rationale"), description=gettext_noop("A few words of the rater on why.")
    )


class BestOfN(ByPart, Asked):
    key = "best_of_n"
    title = gettext_lazy("Best of several responses")
    asks = gettext_lazy("Which response is the best?")
    Config = BestOfNConfig
    form_template = "annotation/protocols/best_of_n.html"
    script = ""
    record_kinds = ("ranking",)
    reads_text = False
    on_cards = False
    keys: tuple[Key, ...] = ()

    def in_dock(self, config: Value) -> bool:
        return bool(config["worst"] == "off")

    def check_item(self, shape: Shape, config: Value) -> str:
        if shape.responses < 2:
            return _("the best of several needs two responses or more")
        if config["worst"] == "required" and shape.responses < 3:
            return _("a best and a worst need three responses or more")
        return ""

    # The page

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        groups = [self._group("best", _("The best"), config, answer, content)]
        if config["worst"] != "off":
            groups.append(self._group("worst", _("The worst"), config, answer, content))
        return Controls({"groups": groups, "rationale": config["rationale"], "text": answer.get("rationale", "")})

    def _group(self, part: str, legend: str, config: Value, answer: Value, content: Content) -> Value:
        chosen = answer.get(part)
        options = [
            option(one.letter, place, _("Response %s") % one.letter, one.letter == chosen, one.letter, bare=True)
            for place, one in enumerate(content.displayed, start=1)
        ]
        if part == "best" and config["none"]:
            options.append(option(NONE, 0, _("None is good"), chosen == NONE))
        elif part == "worst" and config["worst"] == "optional":
            options.append(option("", 0, _("Not said"), chosen in (None, "")))
        return {
            "part": part,
            "legend": legend,
            "called": legend,
            "options": options,
            "required": part == "best" or config[part] != "optional",
        }

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        return {part: texts[-1] for part, texts in parts.items() if any(texts)} or None

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        return [(part, answer[part]) for part in ("best", "worst", "rationale") if answer.get(part)]

    def in_words(self, answer: Value, config: Value) -> list[str]:
        best, worst = answer.get("best"), answer.get("worst")
        if best == NONE:
            lines = [_("None is good")]
        else:
            lines = [_("%s is the best") % best if best else _("Nothing chosen")]
        lines += [_("%s is the worst") % worst] if worst else []
        return lines + ([answer["rationale"]] if answer.get("rationale") else [])

    # Values

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        given = check_keys(raw, ("best", "worst", "none", "rationale", "among"))
        best, none = self._best(given, config, content)
        value: Value = {"best": best, "none": none, "among": list(content.ids)}
        if given.get("among") not in (None, value["among"]):
            raise fault("among", _("Must be the responses of this item."))
        worst = self._worst(given.get("worst"), config, content)
        if worst is not None and worst == best:
            raise fault("worst", _("Cannot be the best as well."))
        rationale = check_text(given.get("rationale"), "rationale", limit=RATIONALE_LIMIT, need=config["rationale"])
        found = {"worst": worst, "rationale": rationale}
        return value | {key: one for key, one in found.items() if one}

    def _best(self, given: Value, config: Value, content: Content) -> tuple[int | None, bool]:
        best, none = given.get("best"), given.get("none", False)
        if not isinstance(none, bool) or (none and best not in (None, NONE)):
            raise fault("none", _("Either one is the best or none is good."))
        if best == NONE or none:
            if not config["none"]:
                raise fault("best", _("This form does not allow that choice."))
            return None, True
        if best is None or best == "":
            raise fault("best", _("Choose one."))
        return self._response(best, "best", content), False

    def _worst(self, worst: object, config: Value, content: Content) -> int | None:
        if worst is None or worst == "":
            if config["worst"] == "required":
                raise fault("worst", _("Choose one."))
            return None
        if config["worst"] == "off":
            raise fault("worst", _("This form does not ask for it."))
        return self._response(worst, "worst", content)

    def _response(self, said: object, key: str, content: Content) -> int:
        if whole(said) and said in content.ids:
            return said
        return content.by_letter(said, key).id

    def display_form(self, value: Value, content: Content) -> Value:
        shown: Value = {"best": NONE} if value.get("none") else {}
        for part in ("best", "worst"):
            if value.get(part) is not None:
                shown[part] = content.letter(value[part])
        return shown | {key: value[key] for key in ("rationale",) if value.get(key)}

    def from_record(self, record: Mapping[str, Any], names: Mapping[str, int], content: Content) -> Value:
        """A ranking that says which is the best: its first tier; a last tier of one, below others, is the worst."""
        tiers, rejected = record.get("tiers"), record.get("rejected") or []
        ids = list(names.values())
        try:
            ranks = [[names[str(name)] for name in tier] for tier in tiers or []]
            bad = [names[str(name)] for name in rejected]
        except (KeyError, TypeError):
            return {"raw": dict(record)}
        named = sorted([*(pk for tier in ranks for pk in tier), *bad])
        value: Value = {"best": None, "none": not ranks, "among": ids}
        if isinstance(record.get("rationale"), str) and record["rationale"]:
            value["rationale"] = record["rationale"]
        if named != sorted(ids) or (ranks and len(ranks[0]) != 1):
            return {"raw": dict(record)}
        return value | self._ends([*ranks, bad] if ranks and bad else ranks, names.get(str(record.get("worst"))))

    def _ends(self, ranks: Sequence[Sequence[int]], worst: int | None) -> Value:
        if not ranks:
            return {} if worst is None else {"worst": worst}
        ends: Value = {"best": ranks[0][0]}
        return ends | ({"worst": ranks[-1][0]} if len(ranks) > 2 and len(ranks[-1]) == 1 else {})

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        """A ranking. The middle tier holds what was not told apart."""
        if "raw" in value:
            return dict(value["raw"])
        best, worst = ([pk for pk in [value.get(end)] if pk is not None] for end in ("best", "worst"))
        kept = {"rationale": value["rationale"]} if value.get("rationale") else {}
        if value["none"]:
            kept |= {"worst": names[worst[0]]} if worst else {}
            everything = [names[pk] for pk in value["among"]]
            return {"kind": "ranking", "tiers": [], "rejected": everything, "unranked": []} | kept
        middle = [pk for pk in value["among"] if pk not in (*best, *worst)]
        tiers = [[names[pk] for pk in tier] for tier in (best, middle, worst) if tier]
        return {"kind": "ranking", "tiers": tiers, "rejected": [], "unranked": []} | kept

    def ballots(self, value: Value) -> dict[str, str]:
        if value.get("best") is None and not value.get("none"):
            return {}
        worst = {"worst": str(value["worst"])} if value.get("worst") is not None else {}
        return {"best": str(value["best"]) if value["best"] is not None else NONE} | worst

    def outcome_in_words(self, outcome: str, content: Content) -> str:
        part, _equals, said = outcome.partition("=")
        if said == NONE:
            return _("None is good")
        words = _("%s is the best") if part == "best" else _("%s is the worst")
        return words % content.letter(int(said))

    def elected(self, won: Mapping[str, str | None], values: Sequence[Value]) -> Value:
        best, worst = won.get("best"), won.get("worst")
        value: Value = {"best": None, "none": best == NONE, "among": values[0]["among"]}
        if best is not None and best != NONE:
            value["best"] = int(best)
        if worst is not None and worst != best:
            value["worst"] = int(worst)
        return value | undecided(won)

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        """The best above all others, all others above the worst. `soft`: shares of "best=<id>"."""
        best, worst, shares = value.get("best"), value.get("worst"), soft or {}
        others = [pk for pk in value.get("among", []) if pk not in (best, worst)]
        pairs = [(best, pk) for pk in [*others, worst] if best is not None and pk is not None]
        pairs += [(pk, worst) for pk in others if worst is not None]
        return [Preference(a, b, 1.0, self._share(a, b, best, shares)) for a, b in pairs]

    def _share(self, above: int, below: int, best: int | None, shares: Mapping[str, float]) -> float:
        """P(above is better): those who called neither of them the best (or the worst) count half for either."""
        up, down = ("best", above), ("best", below)
        if above != best:
            up, down = ("worst", below), ("worst", above)
        ours, theirs = (shares.get(f"{part}={pk}", 0.0) for part, pk in (up, down))
        if not any(key.startswith(f"{up[0]}=") for key in shares):
            return 1.0
        return ours + (1 - ours - theirs) / 2

    # Judges

    def question(self, config: Value, content: Content) -> Task:
        letters = [one.letter for one in content.displayed]
        answer = {"best": one_of([*letters, NONE] if config["none"] else letters)}
        rules = [f'best: "{NONE}" where not even one of the responses is good.'] if config["none"] else []
        if config["worst"] != "off":
            answer["worst"] = one_of(letters)
            left_out = "" if config["worst"] == "required" else "; leave it out where none stands out"
            rules.append(f"worst: another response than the best{left_out}.")
        return Task(
            f"You compare {len(letters)} responses to the same prompt and say which is the best.",
            "Which response is the best?",
            answer | asking.rationale(config),
            rules,
            ("best", "worst"),
        )


PROTOCOL = BestOfN()
