"""What is drawn at random whatever the policy says. Without it nobody could say how good the judge is on what it keeps,
no policy could be fitted, and nothing could be promised. Pure.
"""

from pydantic import BaseModel, ConfigDict, Field

from common.words import gettext_noop as _


class Sampling(BaseModel):
    """Part of every plan; each policy has defaults of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pilot: int = Field(
        default=150,
        ge=0,
        le=100_000,
        title=_("Pilot"),
        description=_("So many items, drawn at random, go to people and the judge first: the router learns from them."),
    )
    calibration: int = Field(
        default=0,
        ge=0,
        le=100_000,
        title=_("Calibration"),
        description=_("So many further items, drawn at random, to test a promise on; nothing is learnt from them."),
    )
    audit_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        title=_("Audits"),
        json_schema_extra={"share": True},
        description=_("The share of what the judge keeps that people judge all the same, drawn at random."),
    )
    audits_a_week: int = Field(
        default=30,
        ge=0,
        le=100_000,
        title=_("Audits a week"),
        description=_("At least so many, where the judge keeps that much."),
    )
    hidden_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        title=_("Hidden answers of the judge"),
        json_schema_extra={"share": True},
        description=_("The share of what goes to people that the judge answers too; nobody is shown its answer."),
    )
    second_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        title=_("Second persons"),
        json_schema_extra={"share": True},
        description=_("The share of what goes to people that one person more judges: how far do people agree?"),
    )


NOTHING = Sampling(pilot=0, calibration=0, audit_share=0, audits_a_week=0, hidden_share=0, second_share=0)
