"""One factory a table. What a factory makes is coherent: an item's responses belong to its prompt, and so on.

Pass what the test is about, leave the rest: `ItemFactory(project=project, responses=3)`.
"""

import uuid
from datetime import timedelta
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from accounts.models import User
from annotation.models import Annotation, FormVersion, Item, ItemResponse, Rater, Slot
from corpus.models import Candidate, Import, ModelVersion, Prompt, Response
from projects.models import Guideline, Membership, Project, Role
from routing.models import Budget, Decision, Judge, RoutingPlan
from training_bridge.models import Run, Snapshot

PAIRWISE = {"points": 7, "tie": True, "both_bad": True, "rationale": "optional"}


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User
        django_get_or_create = ("username",)

    username = factory.Sequence(lambda n: f"person{n}")
    display_name = factory.LazyAttribute(lambda o: o.username.title())

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        """Nobody in the tests has a password unless the test gives one in plain text as `password`."""
        password = kwargs.pop("password", None)
        user = super()._create(model_class, *args, **kwargs)
        if password is None:
            user.set_unusable_password()
        else:
            user.set_password(password)
        user.save(update_fields=["password"])
        return user


class ProjectFactory(DjangoModelFactory[Project]):
    class Meta:
        model = Project

    name = factory.Sequence(lambda n: f"Project {n}")
    slug = factory.Sequence(lambda n: f"project-{n}")


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    project = factory.SubFactory(ProjectFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.RATER


class GuidelineFactory(DjangoModelFactory[Guideline]):
    class Meta:
        model = Guideline

    project = factory.SubFactory(ProjectFactory)
    number = factory.LazyAttribute(lambda o: o.project.guidelines.count() + 1)
    text = "Prefer the answer that helps most."


class FormVersionFactory(DjangoModelFactory[FormVersion]):
    class Meta:
        model = FormVersion

    project = factory.SubFactory(ProjectFactory)
    number = factory.LazyAttribute(lambda o: o.project.form_versions.count() + 1)
    fields = factory.LazyFunction(lambda: [{"name": "preference", "protocol": "pairwise", "config": dict(PAIRWISE)}])


class ImportFactory(DjangoModelFactory[Import]):
    class Meta:
        model = Import

    project = factory.SubFactory(ProjectFactory)
    format = "native"
    filename = "items.jsonl"
    path = factory.Sequence(lambda n: f"imports/{n}")


class ModelVersionFactory(DjangoModelFactory[ModelVersion]):
    class Meta:
        model = ModelVersion

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"policy-{n}")
    kind = ModelVersion.Kind.POLICY
    source = "a test"


class PromptFactory(DjangoModelFactory[Prompt]):
    class Meta:
        model = Prompt

    project = factory.SubFactory(ProjectFactory)
    external_id = factory.Sequence(lambda n: f"prompt-{n}")
    group = factory.LazyAttribute(lambda o: o.external_id)
    messages = factory.Sequence(
        lambda n: [{"role": "user", "content": f"How do I repair a bicycle tyre, variant {n}?"}]
    )


class ResponseFactory(DjangoModelFactory[Response]):
    class Meta:
        model = Response

    prompt = factory.SubFactory(PromptFactory)
    external_id = factory.Sequence(lambda n: f"response-{n}")
    messages = factory.Sequence(
        lambda n: [{"role": "assistant", "content": f"Find the hole, clean it, patch it. ({n})"}]
    )
    author_kind = Response.Author.MODEL
    model_name = factory.Sequence(lambda n: f"model-{n}")


class CandidateFactory(DjangoModelFactory[Candidate]):
    """`responses`: how many responses its prompt gets (default 2)."""

    class Meta:
        model = Candidate
        exclude = ("responses",)

    responses = 2
    project = factory.SubFactory(ProjectFactory)
    external_id = factory.Sequence(lambda n: f"candidate-{n}")
    prompt = factory.SubFactory(PromptFactory, project=factory.SelfAttribute("..project"))
    response_ids = factory.LazyAttribute(
        lambda o: [r.pk for r in ResponseFactory.create_batch(o.responses, prompt=o.prompt)]
    )


class RaterFactory(DjangoModelFactory[Rater]):
    """A person by default; pass `kind=Rater.Kind.JUDGE, user=None, external_id=…` for another."""

    class Meta:
        model = Rater

    project = factory.SubFactory(ProjectFactory)
    kind = Rater.Kind.PERSON
    user = factory.Maybe("person", yes_declaration=factory.SubFactory(UserFactory), no_declaration=None)
    external_id = factory.Maybe(
        "person", yes_declaration="", no_declaration=factory.Sequence(lambda n: f"identity-{n}")
    )
    pseudonym = factory.Sequence(lambda n: f"rater-{n}")

    class Params:
        person = factory.LazyAttribute(lambda o: o.kind == Rater.Kind.PERSON)


class ItemFactory(DjangoModelFactory[Item]):
    """`responses`: how many responses it has (default 2), or a list of Response of its prompt."""

    class Meta:
        model = Item
        skip_postgeneration_save = True

    project = factory.SubFactory(ProjectFactory)
    external_id = factory.Sequence(lambda n: f"item-{n}")
    prompt = factory.SubFactory(PromptFactory, project=factory.SelfAttribute("..project"))

    @factory.post_generation
    def responses(item: Item, create: bool, extracted: Any, **_: Any) -> None:
        wanted = 2 if extracted is None else extracted
        made = ResponseFactory.create_batch(wanted, prompt=item.prompt) if isinstance(wanted, int) else wanted
        ItemResponse.objects.bulk_create(
            ItemResponse(item=item, response=response, ordinal=ordinal) for ordinal, response in enumerate(made)
        )


class SlotFactory(DjangoModelFactory[Slot]):
    """An open slot; `SlotFactory.leased(item=…, rater=…)` makes one that somebody holds."""

    class Meta:
        model = Slot

    item = factory.SubFactory(ItemFactory, state=Item.State.OPEN)
    project = factory.SelfAttribute("item.project")
    ordinal = factory.LazyAttribute(lambda o: o.item.slots.count())

    @classmethod
    def leased(cls, *, rater: Rater, item: Item, **kwargs: Any) -> Slot:
        """A slot of `item` that `rater` holds for an hour, its responses shown in item order."""
        order = list(item.item_responses.values_list("response_id", flat=True))
        now = timezone.now()
        lease = {
            "leased_at": now,
            "leased_until": now + timedelta(hours=1),
            "token": uuid.uuid4(),
            "display_order": order,
            "form_version": item.project.form_versions.first() or FormVersionFactory(project=item.project),
        }
        return cls(item=item, rater=rater, state=Slot.State.LEASED, **(lease | kwargs))


class AnnotationFactory(DjangoModelFactory[Annotation]):
    """A judgment that came with an import: left is better. `choice` changes that."""

    class Meta:
        model = Annotation
        exclude = ("choice", "strength")

    choice = "left"
    strength = factory.LazyAttribute(lambda o: 0 if o.choice in {"tie", "both_bad"} else 1)
    item = factory.SubFactory(ItemFactory)
    rater = factory.SubFactory(RaterFactory, project=factory.SelfAttribute("..item.project"))
    standing = Annotation.Standing.RECORDED
    values = factory.LazyAttribute(lambda o: {"preference": pairwise_value(o.item, o.choice, o.strength)})
    body_hash = factory.Sequence(lambda n: f"{n:064x}")


def pairwise_value(item: Item, choice: str = "left", strength: int = 1) -> dict[str, Any]:
    """The normal form of a pairwise judgment on the first two responses of `item`."""
    left, right = item.item_responses.order_by("ordinal").values_list("response_id", flat=True)[:2]
    return {"left": left, "right": right, "choice": choice, "strength": strength}


class JudgeFactory(DjangoModelFactory[Judge]):
    class Meta:
        model = Judge

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"Judge {n}")
    kind = "simulated"
    rater = factory.SubFactory(RaterFactory, project=factory.SelfAttribute("..project"), kind=Rater.Kind.JUDGE)


class RoutingPlanFactory(DjangoModelFactory[RoutingPlan]):
    class Meta:
        model = RoutingPlan

    project = factory.SubFactory(ProjectFactory)
    number = factory.LazyAttribute(lambda o: o.project.routing_plans.count() + 1)
    policy = "all_human"


class BudgetFactory(DjangoModelFactory[Budget]):
    class Meta:
        model = Budget

    project = factory.SubFactory(ProjectFactory)


class DecisionFactory(DjangoModelFactory[Decision]):
    class Meta:
        model = Decision

    item = factory.SubFactory(ItemFactory)
    ordinal = factory.LazyAttribute(lambda o: o.item.decisions.count() + 1)
    route = Decision.Route.HUMAN
    propensity = 1.0
    asked = factory.LazyAttribute(lambda o: float(o.ordinal == 1))


class SnapshotFactory(DjangoModelFactory[Snapshot]):
    class Meta:
        model = Snapshot

    project = factory.SubFactory(ProjectFactory)
    number = factory.LazyAttribute(lambda o: o.project.snapshots.count() + 1)
    derivation = factory.LazyFunction(dict)


class RunFactory(DjangoModelFactory[Run]):
    class Meta:
        model = Run

    project = factory.SubFactory(ProjectFactory)
    method = "reward_model"
    spec_hash = factory.Sequence(lambda n: f"{n:064x}")
