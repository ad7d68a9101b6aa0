"""Promises and what has become of them, in sentences: made where they are read, in the language of the reader."""

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.charts import number, percent
from routing.models import Alarm, Certificate, Reading

WHAT_TO_DO = {
    Alarm.Kind.AUDIT: gettext_lazy(
        "Look at the audited items on which people and the judge differ. Then let the judge keep less, change the "
        "judge or the guideline, or draw a new calibration sample. Samples count from the alarm on."
    ),
    Alarm.Kind.DRIFT: gettext_lazy(
        "Look at what was imported lately. If it is meant to be so, draw a new calibration sample and certify anew."
    ),
    Alarm.Kind.PROBE: gettext_lazy(
        "Look at the planted cases that turned the judge round. Change its prompt or take another judge."
    ),
    Alarm.Kind.GATE: gettext_lazy(
        "Let people judge everything, change the judge or the guideline, or have people say why they differ from it."
    ),
}


def of_what(tag: str) -> str:
    return _("items of “%(tag)s”") % {"tag": tag} if tag else _("items")


def statement(certificate: Certificate) -> str:
    """What is promised, or that nothing can be."""
    told = {
        "items": of_what(certificate.tag),
        "judge": certificate.judge.name,
        "sample": certificate.sample,
        "kept": certificate.kept,
        "agreed": certificate.agreed,
        "alpha": percent(certificate.alpha, 1),
        "agree": percent(1 - certificate.alpha, 1),
        "delta": percent(certificate.delta, 1),
    }
    if certificate.threshold is None:
        if not certificate.sample:
            return _("Nothing can be promised of %(items)s: the sample has none. People are asked about all.") % told
        return (
            _(
                "Nothing can be promised of %(items)s: of the %(kept)s that “%(judge)s” was surest of, among "
                "%(sample)s drawn at random, it agreed with people on %(agreed)s. People are asked about all."
            )
            % told
        )
    return (
        _(
            "Of the %(items)s that “%(judge)s” keeps, people would agree with it on at least %(agree)s. With a "
            "probability of %(delta)s at most this, or any other certificate of the project, is wrong."
        )
        % told
    )


def conditions(certificate: Certificate) -> str:
    """When the judge keeps an item, on which sample that was tested, and until when it holds."""
    told = {
        "bar": number(certificate.threshold or 0.0),
        "sample": certificate.sample,
        "kept": certificate.kept,
        "agreed": certificate.agreed,
        "bound": percent(certificate.bound, 1),
    }
    parts = []
    if certificate.threshold is not None and certificate.risk_model is not None:
        told["model"] = certificate.risk_model.number
        parts.append(_("It keeps items whose risk of disagreement, by risk model %(model)s, leaves at least %(bar)s."))
    elif certificate.threshold is not None:
        parts.append(_("It keeps items of which its own confidence is at least %(bar)s."))
    if certificate.threshold is not None:
        parts.append(
            _(
                "Tested on %(sample)s items drawn at random: it would keep %(kept)s of them and agreed with people on "
                "%(agreed)s; the lower bound is %(bound)s."
            )
        )
    if certificate.threshold is None:
        parts.append(_("It is tried again when the sample has grown by a quarter, or when an admin asks."))
    elif certificate.until is None:
        parts.append(_("It ends with any change of judge, form, guideline or risk model."))
    else:
        told["until"] = date_format(certificate.until, "DATE_FORMAT")
        parts.append(_("It ends on %(until)s, or with any change of judge, form, guideline or risk model."))
    return " ".join(parts) % told


def audit_statement(reading: Reading) -> str:
    """What audits promise of whatever rule is in force."""
    told = {
        "items": of_what(reading.subject),
        "n": reading.labelled,
        "k": reading.details.get("disagree", 0),
        "sure": percent(1 - float(reading.details.get("delta", 0.0)), 1),
        "high": percent(reading.high or 0.0, 1),
    }
    if not reading.labelled:
        return _("No audit of %(items)s has been answered yet, so nothing can be said of what the judge keeps.") % told
    return (
        _(
            "Whatever rule decides: of the %(items)s that the judge keeps, people disagree with at most %(high)s, with "
            "%(sure)s probability and however often one looks. Of %(n)s drawn at random they disagreed on %(k)s."
        )
        % told
    )


def gate_statement(reading: Reading) -> str:
    """Whether the judge may stand for people here at all."""
    told = {
        "items": reading.items,
        "people": reading.details.get("people", 0),
        "share": percent(reading.value or 0.0),
        "advantage": percent(float(reading.details.get("advantage", 0.0))),
        "epsilon": number(float(reading.details.get("epsilon", 0.0))),
    }
    passed = reading.details.get("passed")
    if passed is None:
        return (
            _(
                "It cannot be told yet whether the judge may stand for people here: it takes at least 50 items drawn "
                "at random with three people and the judge each, by at least three people. There are %(items)s."
            )
            % told
        )
    told["verdict"] = (
        _("The judge may stand for people here.") if passed else _("The judge may not stand for people here.")
    )
    return (
        _(
            "%(verdict)s On %(items)s items it is not more than %(epsilon)s behind %(share)s of %(people)s people, "
            "each left out in turn; it is as close to the others as a person in %(advantage)s of the cases."
        )
        % told
    )
