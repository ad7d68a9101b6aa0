"""Forms of the routing desk. They ask; services decide."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common import configs
from projects.models import Project
from routing.judges import Judge as JudgePlug
from routing.models import Budget, Judge, RoutingPlan
from routing.policies import Policy
from routing.sampling import Sampling


class PlanForm(forms.Form):
    """Built for one policy: its settings, the judge it asks, and what is drawn at random whatever it says."""

    def __init__(
        self, *args: Any, project: Project, policy: Policy, plan: RoutingPlan | None = None, **kwargs: Any
    ) -> None:
        in_force = plan is not None and plan.policy == policy.key
        start = configs.initial(policy.Config, plan.config) if plan and in_force else {}
        drawn = plan.sampling if plan and in_force else policy.sampling.model_dump(mode="json")
        judges = Judge.objects.filter(project=project, retired_at=None).order_by("name")
        only = judges[0].pk if plan is None and len(judges) == 1 else None
        kwargs["initial"] = start | {"judge": plan.judge_id if plan else only} | configs.initial(Sampling, drawn)
        super().__init__(*args, **kwargs)
        self.policy = policy
        self.fields.update(configs.form_fields(policy.Config))
        self.fields["judge"] = forms.ModelChoiceField(
            judges,
            required=False,
            label=gettext("Judge"),
            empty_label=gettext("Nobody"),
            help_text=gettext(
                "Answers what people are not asked. With people only: takes over when their budget is spent."
            ),
        )

        self.fields.update(configs.form_fields(Sampling))

    @property
    def said(self) -> list[forms.BoundField]:
        """What is asked of everybody who chooses the policy; `drawn` is for those who look closer."""
        return [field for field in self.visible_fields() if field.name not in Sampling.model_fields]

    @property
    def drawn(self) -> list[forms.BoundField]:
        return [self[name] for name in Sampling.model_fields]

    @property
    def drawn_is_wrong(self) -> bool:
        return any(field.errors for field in self.drawn)

    def config(self) -> dict[str, Any]:
        return configs.read(self.policy.Config, self.cleaned_data)

    def sampling(self) -> dict[str, Any]:
        """What was left empty stays as the policy has it."""
        return self.policy.sampling.model_dump() | configs.read(Sampling, self.cleaned_data)


class BudgetForm(forms.Form):
    labels_limit = forms.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, label=_("Labels of people"), help_text=_("Empty: no limit.")
    )
    money_limit = forms.DecimalField(
        min_value=Decimal(0),
        max_digits=14,
        decimal_places=6,
        required=False,
        label=_("Money"),
        help_text=_("People and judges together. Empty: no limit."),
    )
    period = forms.ChoiceField(
        choices=Budget.Period.choices,
        required=False,
        label=_("Limits of each"),
        help_text=_("Calendar periods, in UTC. When one is spent, items wait for the next."),
    )
    period_labels_limit = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        required=False,
        label=_("Labels of people in a period"),
        help_text=_("Empty: no limit."),
    )
    period_money_limit = forms.DecimalField(
        min_value=Decimal(0),
        max_digits=14,
        decimal_places=6,
        required=False,
        label=_("Money in a period"),
        help_text=_("People and judges together. Empty: no limit."),
    )
    expected_items = forms.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        label=_("Items that it is to last for"),
        help_text=_(
            "Of a period, or in all. Policies that take items as they come then ask people only about what is riskier "
            "than the budget allows on average. Empty: first come, first served."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Money is kept to six places; 150 is shown as 150.
        money = {name: value for name, value in self.initial.items() if isinstance(value, Decimal)}
        self.initial.update({name: f"{value.normalize():f}" for name, value in money.items()})

    def limits(self) -> dict[str, Any]:
        """As `budgets.set_limits` takes them."""
        return {name.removesuffix("_limit"): value for name, value in self.cleaned_data.items()}


class JudgeForm(forms.Form):
    """Built for one kind of judge: its name, price and settings."""

    name = forms.CharField(max_length=80, label=_("Name"), help_text=_("Unique in this project."))

    def __init__(self, *args: Any, plug: JudgePlug, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plug = plug
        self.fields.update(configs.form_fields(plug.Config))
        self.fields["price_per_call"] = forms.DecimalField(
            min_value=Decimal(0),
            max_digits=9,
            decimal_places=6,
            initial=Decimal(0),
            required=False,
            label=gettext("Price of a call"),
            help_text=gettext("Set aside for each call, and booked where the judge does not reckon by tokens."),
        )

    def config(self) -> dict[str, Any]:
        return configs.read(self.plug.Config, self.cleaned_data)


class TermsForm(forms.Form):
    alpha = forms.FloatField(
        label=_("Disagreement allowed"),
        min_value=0.001,
        max_value=0.999,
        help_text=_("So often, at most, may people disagree with what the judge keeps: 0.1 is one in ten."),
    )
    delta = forms.FloatField(
        label=_("Chance of a false promise"),
        min_value=0.0001,
        max_value=0.5,
        help_text=_("At most, over all certificates of the project."),
    )
    tag = forms.CharField(
        label=_("A promise for each value of the tag"),
        max_length=80,
        required=False,
        help_text=_("E.g. safety. Values with fewer than 30 calibration items go with the rest. Empty: one."),
    )
    days = forms.IntegerField(
        label=_("Days that a certificate lasts"),
        min_value=0,
        max_value=3650,
        help_text=_("0: until something changes."),
    )
    epsilon = forms.FloatField(
        label=_("How far a judge may fall behind a person"),
        min_value=0,
        max_value=0.5,
        help_text=_("Of the gate: 0.2 where your people are experts, 0.1 where they are a crowd."),
    )
    suspend = forms.BooleanField(
        label=_("Where audits disagree too often, give the judge nothing new"),
        required=False,
        help_text=_("It is suspended with the alarm, until an admin lifts it."),
    )
