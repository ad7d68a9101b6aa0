"""Parts that report cards are made of.

Figures only, no words but the data's own (a language, a tag, a model's name): pages say what they mean. Every share and
mean brings its two-sided interval at the card's `confidence`; None stands where there was nothing to measure.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

By = Literal[
    "lead", "label", "strength", "source", "author", "met", "language", "tag", "topic", "cohort", "prompt_length"
]
"""What pairs are told apart by: |Δreward|; how sure the label is, |2 soft − 1|; the strength people gave; who judged
("people", "judges", "both", and "import" where all judgments came with one); the model that wrote the preferred
response; the two models that met; the prompt's language, tags, topic; the cohort the item was for; the prompt's length
in characters."""

WhyNot = Literal[
    "", "not_in_snapshot", "nobody_doubled", "no_pairs", "no_samples", "no_reference", "other_tokens", "one_sample",
    "unlike_lengths",
]  # fmt: skip
"""Why a part of the card is empty: the snapshot is older than such facts; no pair was judged by two people; there are
no held-out pairs; nothing was sampled; no reference was given; its tokens are others; each prompt had one sample only;
lengths were too unlike to tell what would be at equal length."""


class Part(BaseModel):
    """A part of a card. Frozen; fields that a newer version adds are passed over.

    `By` and `WhyNot` are what this version writes; a card that says others is read, and they are shown as they stand.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Share(Part):
    """A share of `of` cases on `prompts` prompt groups; draws count half. `value` None, and 0 to 1, where `of` is 0.

    The interval is Wilson's (1927) at the effective number of independent cases: pairs of one prompt are not.
    """

    value: float | None
    low: float
    high: float
    of: int
    prompts: int


class Mean(Part):
    """A statistic of `of` cases, its interval by bootstrap over prompt groups; all None where there are no cases."""

    value: float | None
    low: float | None
    high: float | None
    of: int


class Spread(Part):
    """Of numbers: mean, standard deviation, and the 5, 25, 50, 75 and 95 % quantiles."""

    mean: float
    deviation: float
    quantiles: tuple[float, float, float, float, float]
    of: int


class Histogram(Part):
    """Counts between `edges` (one more than counts); what lies beyond is in the outermost."""

    edges: tuple[float, ...]
    counts: dict[str, tuple[int, ...]]


class CalibrationBin(Part):
    """Pairs whose sg(Δr) by the model lies from `low` to `high`: the mean `said`, and what labels have `seen`."""

    low: float
    high: float
    said: float | None
    seen: float | None
    pairs: int


class Calibration(Part):
    """P = sg(|Δr|) that the response which the model prefers is the better one, from ½ to 1, against the soft labels.

    `error`: ECE (Naeini et al. 2015, Guo et al. 2017 eq. 3), above 0 by chance alone; its interval allows for that and
    holds 0 where the model may be calibrated; `brier` (1950); `log_loss` in nats, beside that of a coin
    (log 2) and the least that these labels allow (`floor`, their entropy). `scale`: what rewards would have to be
    multiplied by (1/temperature), and the log loss then.
    """

    bins: tuple[CalibrationBin, ...]
    error: Mean
    brier: float
    log_loss: float
    coin: float
    floor: float
    scale: float
    scaled_log_loss: float
