"""One object of each kind that a path can name, in one project: URL keyword → value. What belongs to a rater is rosa's.

What is numbered within its project takes `number`, which is another one in the other project.
"""

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import ApiToken, Scope, User
from accounts.services import make_sign_in_link
from annotation.models import Gold, Rater
from projects.models import Project
from projects.services.invitations import make_invitation
from projects.services.open_links import make_open_link
from tests import factories

# Planted where a rater must never see them: the blinding test looks for them in every page and answer rosa can get.
CANARY = "canary"


def objects(project: Project, owner: User, number: int) -> dict[str, Any]:
    """Keyword of a URL → a value that names an object of `project`; leases, answers and tokens are `owner`'s."""
    rater = factories.RaterFactory(project=project, user=owner, pseudonym=f"{project.slug}-first")
    token, _ = ApiToken.objects.create(user=owner, name="laptop", scope=Scope.READ)
    return {
        "slug": project.slug,
        "method": "dpo",
        "exporter": "native",
        "filename": "manifest.json",
        "token_id": token.pk,
        # Of rosa as well, and for her to use; in the other project eve's.
        "link_secret": make_sign_in_link(user=owner).split("/")[-2],
        "invitation_secret": make_invitation(project=project, role="rater", actor=None)[1].split("/")[-2],
        "guideline_number": factories.GuidelineFactory(project=project, number=number, text="Be kind.").number,
        **_people(project),
        **_work(project, rater),
        **_machines(project, number),
    }


def _people(project: Project) -> dict[str, Any]:
    member = factories.MembershipFactory(project=project, user=factories.UserFactory(username=f"{project.slug}-extra"))
    invitation = project.invitations.create(
        role="rater", secret_hash=f"{project.slug}-hash", expires_at=timezone.now() + timedelta(days=1)
    )
    link, path = make_open_link(project=project, actor=None, capacity=100)
    return {
        "member_id": member.pk,
        "invitation_id": invitation.pk,
        "aspect_id": project.aspects.create(key="help", name="Helpful").pk,
        "open_link_id": link.pk,
        "open_link_secret": path.split("/")[-2],
    }


def _work(project: Project, rater: Rater) -> dict[str, Any]:
    """What is judged, and rosa's part in it. Another rater's answer and a judge's are there too, full of canaries."""
    item = factories.ItemFactory(project=project, state="open")
    item.item_responses.get(ordinal=0).response.__class__.objects.filter(prompt=item.prompt).update(
        model_name=f"{CANARY}-model-name"
    )
    shown = {"form_version": project.form_versions.first(), "guideline": project.guidelines.first()}
    slot = factories.SlotFactory.leased(item=item, rater=rater, **shown)
    other = factories.RaterFactory(project=project, pseudonym=f"{CANARY}-pseudonym")
    secret = factories.pairwise_value(item) | {"rationale": f"{CANARY}-other-answer"}
    factories.AnnotationFactory(item=item, rater=other, values={"preference": secret})
    known = factories.AnnotationFactory(item=item, rater=other, standing="adjudicated", values={"preference": secret})
    Gold.objects.create(project=project, item=item, annotation=known, explanation=f"{CANARY}-gold-answer")
    decision = factories.DecisionFactory(item=item, reasons=[f"{CANARY}-routing-reason"])
    done = factories.ItemFactory(project=project, state="done", answered=1)
    shown["display_order"] = list(done.item_responses.values_list("response_id", flat=True))
    given = factories.SlotFactory(item=done, rater=rater, state="done", token=uuid.uuid4(), **shown)
    own = factories.AnnotationFactory(item=done, rater=rater, slot=given, standing="counted", **shown)
    return {
        "item_id": item.pk,
        "pseudonym": rater.pseudonym,
        "flag_id": item.flags.create(rater=other, reason="private", note=f"{CANARY}-flag").pk,
        "slot_id": slot.pk,
        "token": slot.token,
        "annotation_id": own.pk,
        "decision_id": decision.pk,
        "rater_id": other.pk,
        "import_id": factories.ImportFactory(project=project).pk,
        "prompt_id": item.prompt_id,
        "response_id": item.item_responses.all()[0].response_id,
    }


def _machines(project: Project, number: int) -> dict[str, Any]:
    judge = factories.JudgeFactory(project=project)
    model = factories.ModelVersionFactory(project=project)
    snapshot = factories.SnapshotFactory(project=project, number=number)
    run = factories.RunFactory(project=project)
    return {
        "judge_id": judge.pk,
        "card_id": judge.cards.create(state="failed", error="It broke down.").pk,
        "probe_run_id": judge.probe_runs.create(state="failed", error="It broke down.", limit=0.1).pk,
        "escalation_id": project.escalations.create(items=1, state="stopped").pk,
        "alarm_id": project.alarms.create(kind="drift", subject="confidence", said=f"{CANARY}-alarm").pk,
        "plan_number": factories.RoutingPlanFactory(project=project, number=number).number,
        "model_id": model.pk,
        "model_version_id": model.pk,
        "snapshot_id": snapshot.pk,
        "snapshot_number": snapshot.number,
        "run_id": run.pk,
    }
