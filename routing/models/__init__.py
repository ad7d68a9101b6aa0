"""The router's word on each item, who the judges are, what they were asked, the budget, and what is promised."""

from routing.models.budgets import Budget, Purchase
from routing.models.calls import JudgeCall
from routing.models.cards import Card
from routing.models.decisions import Decision, RoutingPlan, StreamPrice
from routing.models.escalations import Escalation
from routing.models.judges import Judge
from routing.models.probes import Probe, ProbeRun
from routing.models.promises import Alarm, Certificate, PromiseCheck, Reading, Terms
from routing.models.risk import ItemFeatures, PerformanceReport, RiskModel
from routing.models.tallies import RoutingTally

__all__ = [
    "Alarm",
    "Budget",
    "Card",
    "Certificate",
    "Decision",
    "Escalation",
    "ItemFeatures",
    "Judge",
    "JudgeCall",
    "Probe",
    "ProbeRun",
    "PerformanceReport",
    "PromiseCheck",
    "Purchase",
    "Reading",
    "RiskModel",
    "RoutingPlan",
    "RoutingTally",
    "StreamPrice",
    "Terms",
]
