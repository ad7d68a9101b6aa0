"""Forms of the training pages. They ask; services decide."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.consensus import RULES, rule
from common import configs
from corpus.models import ModelVersion
from projects.models import Project
from training_bridge import selectors
from training_bridge.derivations import DERIVATIONS
from training_bridge.derivations.settings import DEFAULT, PINNED, Derivation, plug_of
from training_bridge.methods.interface import Method
from training_bridge.models import Snapshot
from training_bridge.needs import beside_pairs

# Other soft labels have other settings: the form is fetched anew with what was filled in so far.
FETCH_SETTINGS = {
    "hx-get": "",
    "hx-include": "closest form",
    "hx-params": "not csrfmiddlewaretoken",
    "hx-target": "#content",
    "hx-select": "#content",
    "hx-swap": "outerHTML",
    "hx-push-url": "true",
}


class SnapshotForm(forms.Form):
    """Built for one kind of soft labels: what is frozen, then how votes are weighed, by that kind's settings."""

    name = forms.CharField(
        max_length=120,
        required=False,
        label=_("Name"),
        help_text=_("For people to find it again, e.g. “round 1, people only”."),
    )

    def __init__(self, *args: Any, project: Project, soft_labels: str = DEFAULT, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = _asked(configs.form_fields(Derivation))
        for name in PINNED:
            del asked[name]
        self.plug = plug_of(soft_labels)
        names = list(asked)
        after = names.index("soft_labels") + 1
        self.fields.update(asked | _asked(configs.form_fields(self.plug.Config)))
        self.order_fields(["name", *names[:after], *self.plug.Config.model_fields, *names[after:]])
        self.fields["soft_labels"] = forms.ChoiceField(
            choices=[(key, gettext(plug_of(key).title)) for key in DERIVATIONS],
            initial=soft_labels,
            label=asked["soft_labels"].label,
            help_text=gettext(self.plug.description),
            widget=forms.Select(attrs=FETCH_SETTINGS),
        )
        self.fields["field"] = _choice(self.fields["field"], {name: name for name in selectors.label_fields(project)})
        self.fields["rule"] = _choice(self.fields["rule"], {key: str(rule(key).title) for key in sorted(RULES)})

    def derivation(self) -> dict[str, Any]:
        settings = configs.read(self.plug.Config, self.cleaned_data)
        return configs.read(Derivation, self.cleaned_data) | {"settings": settings}


def _choice(field: forms.Field, words: Mapping[str, str]) -> forms.Field:
    if len(words) == 1:
        return forms.CharField(widget=forms.HiddenInput, initial=next(iter(words)), required=False)
    pairs = list(words.items())
    return forms.ChoiceField(choices=pairs, label=field.label, help_text=field.help_text, initial=field.initial)


def _asked(fields: dict[str, forms.Field]) -> dict[str, forms.Field]:
    """A default stands in each field; whoever empties one is asked again, not given the default unseen."""
    for field in fields.values():
        field.required = field.required or isinstance(field, forms.IntegerField | forms.ChoiceField)
    return fields


class _SnapshotChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # no generics at run time
    def label_from_instance(self, obj: Snapshot) -> str:
        pairs = gettext("%(train)s train, %(test)s test pairs") % {
            "train": obj.counts.get("train", 0),
            "test": obj.counts.get("test", 0),
        }
        name = obj.name or gettext("no name")
        more = [f"{train} {kind}" for kind, train, _held_out in beside_pairs(obj) if train]
        return " · ".join([str(obj.number), name, ", ".join([pairs, *more])])


class _ModelChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # no generics at run time
    def label_from_instance(self, obj: ModelVersion) -> str:
        return f"{obj.name} · {obj.get_kind_display()}"


# Another base is another set of suggested settings: the form is fetched anew with what was chosen so far.
FETCH_SUGGESTION = {
    "hx-get": "",
    "hx-include": "closest form",
    "hx-params": "snapshot, base, reference, reward",
    "hx-target": "#content",
    "hx-select": "#content",
    "hx-swap": "outerHTML",
    "hx-push-url": "true",
}

MODEL_LABELS = {"base": _("Base"), "reference": _("Reference"), "reward": _("Reward model")}
MODEL_HINTS = {
    "base": _("The model to start from."),
    "reference": _("What the base is held near, or compared with. Left empty, the base itself."),
    "reward": _("The reward model that scores responses."),
}


FOR_LARGE = {"gradient_checkpointing", "adapter_rank", "adapter_alpha", "frozen_weights", "processes", "sharding"}


class RunForm(forms.Form):
    """Built for one method: what it needs, then its settings."""

    def __init__(self, *args: Any, project: Project, method: Method, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.method = method
        needs = method.needs
        if needs.snapshot:
            ready = project.snapshots.filter(state=Snapshot.State.READY)
            # The newest is what most runs want; an evaluation may do without.
            self.initial.setdefault("snapshot", ready.values_list("pk", flat=True).first())
            self.fields["snapshot"] = _SnapshotChoice(
                ready,
                required=needs.snapshot == "required",
                label=gettext("Snapshot"),
                help_text=gettext("Only ready snapshots are offered."),
                empty_label=gettext("Choose…"),
            )
        for role in ("base", "reference", "reward"):
            need = getattr(needs, role)
            if need:
                self.fields[role] = _ModelChoice(
                    self._versions(project, role),
                    required=need == "required",
                    label=MODEL_LABELS[role],
                    help_text=MODEL_HINTS[role],
                    empty_label=gettext("Choose…"),
                    widget=forms.Select(attrs=FETCH_SUGGESTION if role == "base" else {}),
                )
        self.lacks_base = needs.base == "required" and not self._versions(project, "base").exists()
        if method.key == "respond":
            self.fields["pairs"] = forms.ChoiceField(
                choices=[("all", gettext("every pair")), ("adjacent", gettext("neighbours only"))],
                label=gettext("Comparisons of one prompt's responses"),
                help_text=gettext("All pairs of k responses are k(k−1)/2 items to judge; neighbours are k−1."),
            )
        self.fields.update(_asked(configs.form_fields(method.Config)))
        self.fields["seed"] = forms.IntegerField(
            min_value=0,
            initial=0,
            label=gettext("Seed"),
            help_text=gettext("The same specification and seed give the same weights on a CPU."),
        )

    def chosen(self) -> list[forms.BoundField]:
        """What the run is made from."""
        return [self[name] for name in self.fields if name not in self.method.Config.model_fields]

    def settings(self) -> list[forms.BoundField]:
        """The method's own settings."""
        return [self[name] for name in self.method.Config.model_fields if name not in FOR_LARGE]

    def for_large(self) -> list[forms.BoundField]:
        """Its settings for models that are large for their machine."""
        return [self[name] for name in self.method.Config.model_fields if name in FOR_LARGE]

    def asks_of_large(self) -> bool:
        """Whether one of these wants to be looked at: it was set, or is wrong."""
        fields = self.for_large()
        return any(field.errors or str(field.value()) != str(field.field.initial) for field in fields)

    def _versions(self, project: Project, role: str) -> Any:
        versions = project.model_versions.order_by("-pk")
        if role == "reward":
            return versions.filter(kind=ModelVersion.Kind.REWARD)
        if role == "base" and self.method.needs.base_kind == "any":
            return versions
        return versions.exclude(kind=ModelVersion.Kind.REWARD)

    def specification(self) -> dict[str, Any]:
        """Keyword arguments of services.start_run."""
        cleaned = self.cleaned_data
        given = {role: cleaned.get(role) for role in ("snapshot", "base", "reference", "reward")}
        inputs = {"pairs": cleaned["pairs"]} if "pairs" in cleaned else {}
        config = configs.read(self.method.Config, cleaned)
        return given | {"config": config, "seed": cleaned["seed"], "inputs": inputs}


class ModelForm(forms.Form):
    name = forms.CharField(max_length=120, label=_("Name"), help_text=_("Unique in this project."))
    kind = forms.ChoiceField(label=_("Kind"), choices=ModelVersion.Kind.choices)
    source = forms.CharField(
        max_length=300,
        label=_("Source"),
        help_text=_("A hub id (owner/name), or a folder in an allowed place. Only safetensors, never code."),
    )
