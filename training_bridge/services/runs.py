"""What people do with runs: start, cancel, try again. What workers do with them is in ownership.py."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import User
from accounts.services import audit
from annotation.models import Item
from common import plugs
from common.configs import checked
from common.errors import Conflict, Invalid
from common.words import gettext_noop
from corpus.models import ModelVersion, Prompt, Response
from projects.models import Project
from training_bridge.files import digest_of, sha256_of, var_path
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Method, NamesRewards
from training_bridge.models import ACTIVE, Run, Snapshot
from training_bridge.needs import lacking

ROLES = ("base", "reference", "reward")
MAX_SEED = 2**31 - 1
NEEDS = {
    "base": gettext_noop("%(method)s needs a base model."),
    "reference": gettext_noop("%(method)s needs a reference model."),
    "reward": gettext_noop("%(method)s needs a reward model."),
}
TAKES_NO = {
    "base": gettext_noop("%(method)s takes no base model."),
    "reference": gettext_noop("%(method)s takes no reference model."),
    "reward": gettext_noop("%(method)s takes no reward model."),
}


def load_method(key: str) -> Method:
    """Raises Invalid for an unknown key; never loads torch."""
    method: Method = plugs.load(METHODS, key, "method")
    return method


def start_run(
    *,
    project: Project,
    method: str,
    snapshot: Snapshot | None = None,
    base: ModelVersion | None = None,
    reference: ModelVersion | None = None,
    reward: ModelVersion | None = None,
    config: Mapping[str, Any] | None = None,
    seed: int = 0,
    user: User | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Run:
    """Queues a run, or returns the active one with the very same specification: starting twice starts once.

    `inputs` pins what is not the method's own: {"pairs": "all" | "adjacent", "round": n} for respond, and the name of a
    JSONL file under VAR_DIR, {"text"} for pretrain or {"prompts"} for respond and evaluate, where the project's own
    responses or open prompts are not what is to be read.
    Raises Invalid with field errors for a wrong configuration, or saying what is missing.
    """
    plug = load_method(method)
    given = {"base": base, "reference": reference, "reward": reward}
    resolved = checked(plug.Config, config or {}).model_dump(mode="json")
    if not 0 <= seed <= MAX_SEED:
        raise Invalid(
            gettext("The seed is not valid."),
            fields={"seed": [gettext("From 0 to %(max_seed)s.") % {"max_seed": MAX_SEED}]},
        )
    _check_needs(plug, project, snapshot, given)
    pinned = _pin_inputs(plug, project, dict(inputs or {})) | _pin_rewards(plug, project, resolved)
    spec_hash = digest_of(
        {
            "project": project.pk, "method": method, "config": resolved, "seed": seed, "inputs": pinned,
            "snapshot": [snapshot.pk, snapshot.manifest_sha256] if snapshot else None,
            "models": {role: version.pk if version else None for role, version in given.items()},
        }
    )  # fmt: skip
    for _ in range(5):
        active = project.runs.filter(spec_hash=spec_hash, state__in=ACTIVE).first()
        if active is not None:
            return active
        try:
            with transaction.atomic():
                run = Run.objects.create(
                    project=project, method=method, snapshot=snapshot, config=resolved, seed=seed, inputs=pinned,
                    spec_hash=spec_hash, created_by=user, **given,
                )  # fmt: skip
                audit(actor=user, kind="run.started", subject=f"project:{project.slug}", run=run.pk, method=method)
                return run
        except IntegrityError:
            continue  # somebody started the same at the same moment: theirs is the run
    raise Conflict(gettext("The same run is being started and stopped over and over; try again."))


def _check_needs(
    method: Method, project: Project, snapshot: Snapshot | None, given: Mapping[str, ModelVersion | None]
) -> None:
    """Raises Invalid naming everything that is missing, or given where it makes no sense."""
    needs, title, wrong = method.needs, gettext(method.title), {}
    if complaint := _snapshot_complaint(method, project, snapshot):
        wrong["snapshot"] = [complaint]
    for role in ROLES:
        need, version = getattr(needs, role), given[role]
        if version is None:
            if need == "required":
                wrong[role] = [gettext(NEEDS[role]) % {"method": title}]
        elif version.project_id != project.pk:
            wrong[role] = [gettext("There is no such model in this project.")]
        elif need is None:
            wrong[role] = [gettext(TAKES_NO[role]) % {"method": title}]
        elif not _fits(role, needs.base_kind, version):
            wrong[role] = [
                gettext("%(name)s is of this kind: %(kind)s, which is not what is wanted here.")
                % {"name": version.name, "kind": version.get_kind_display()}
            ]
    if needs.one_of and not any(given[role] for role in needs.one_of):
        wrong[needs.one_of[0]] = [gettext("%(method)s needs a policy, a reward model or both.") % {"method": title}]
    if wrong:
        raise Invalid(
            " ".join(message for messages in wrong.values() for message in messages), fields=wrong, code="needs"
        )


def _snapshot_complaint(method: Method, project: Project, snapshot: Snapshot | None) -> str:
    needs = method.needs
    if snapshot is None:
        return (
            gettext("%(title)s needs a snapshot.") % {"title": gettext(method.title)}
            if needs.snapshot == "required"
            else ""
        )
    if snapshot.project_id != project.pk:
        return gettext("There is no such snapshot in this project.")
    if needs.snapshot is None:
        return gettext("%(title)s takes no snapshot.") % {"title": gettext(method.title)}
    if snapshot.state != Snapshot.State.READY:
        return gettext("Snapshot %(number)s is not ready yet.") % {"number": snapshot.number}
    return lacking(method, snapshot)


def _fits(role: str, base_kind: str, version: ModelVersion) -> bool:
    is_reward = version.kind == ModelVersion.Kind.REWARD
    if role == "reward":
        return is_reward
    return not is_reward or (role == "base" and base_kind == "any")


def _pin_inputs(method: Method, project: Project, inputs: dict[str, Any]) -> dict[str, Any]:
    """What the run reads beside snapshot and models, fixed now, so that an attempt tomorrow reads the same.

    A file that is named is pinned by its hash; without one, the run's worker writes the list from the project's rows.
    """
    kind = "text" if "text" in method.needs.input else "prompts"
    pinned = _pin_file(kind, inputs.pop(kind)) if kind in inputs else {}
    if method.key == "respond":
        pinned |= _pin_round(project, inputs)
    if inputs:
        raise Invalid(
            gettext("The inputs are not valid."),
            fields={
                "inputs": [
                    gettext("%(title)s knows no %(inputs)s.") % {"title": gettext(method.title), "inputs": min(inputs)}
                ]
            },
        )
    if not pinned.get(kind) and (complaint := _nothing_to_read(method, project)):
        raise Invalid(complaint, code="needs")
    return pinned


def _nothing_to_read(method: Method, project: Project) -> str:
    if "prompts" in method.needs.input and not Prompt.objects.filter(project=project, open=True).exists():
        return gettext("No prompt of this project is open: import prompts that want responses.")
    if "text" in method.needs.input and not Response.objects.filter(prompt__project=project).exists():
        return gettext("The project has no responses to read yet: import some first.")
    return ""


def _pin_round(project: Project, inputs: dict[str, Any]) -> dict[str, Any]:
    number = inputs.pop("round", None) or next_round(project)
    pairs = inputs.pop("pairs", "all")
    if pairs not in {"all", "adjacent"} or not isinstance(number, int) or not 1 <= number <= 1_000_000:
        raise Invalid(
            gettext("The inputs are not valid."), fields={"inputs": [gettext("pairs: all or adjacent; round: from 1.")]}
        )
    return {"pairs": pairs, "round": number}


def _pin_rewards(method: Method, project: Project, config: Mapping[str, Any]) -> dict[str, Any]:
    """The reward models that the settings name, by id. Raises Invalid naming those that the project does not have."""
    names = method.rewards_named(config) if isinstance(method, NamesRewards) else ()
    known = project.model_versions.filter(name__in=names, kind=ModelVersion.Kind.REWARD).values_list("name", "pk")
    found = dict(known) if names else {}
    if missing := [name for name in names if name not in found]:
        said = gettext("This project has no reward model called %(names)s.") % {"names": ", ".join(missing)}
        raise Invalid(said, fields={"config": [said]}, code="needs")
    return {"rewards": found} if found else {}


def _pin_file(kind: str, name: str) -> dict[str, Any]:
    root = var_path().resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise Invalid(
            gettext("The inputs are not valid."),
            fields={"inputs": [gettext("%(kind)s must be a file under VAR_DIR.") % {"kind": kind}]},
        )
    return {kind: str(path.relative_to(root)), "sha256": sha256_of(path)}


def next_round(project: Project) -> int:
    """The round that new responses belong to: one after the last that has items or responses on their way."""
    items = Item.objects.filter(project=project).aggregate(last=Max("round"))["last"] or 0
    answered = project.runs.filter(method="respond", state=Run.State.SUCCEEDED).values_list("inputs__round", flat=True)
    return max(int(number) for number in [items, *answered] if number is not None) + 1


def cancel_run(*, run: Run, user: User | None = None) -> Run:
    """Asks a run to stop. A waiting one is cancelled at once; a live one saves a checkpoint after its step.

    Raises Conflict where it has ended already. Asking twice is harmless.
    """
    with transaction.atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        if row.state not in ACTIVE:
            raise Conflict(gettext("The run has ended already."))
        if row.state == Run.State.QUEUED:
            row.state, row.finished_at = Run.State.CANCELLED, timezone.now()
        else:
            row.state, row.cancel_requested = Run.State.CANCELLING, True
        row.save(update_fields=["state", "finished_at", "cancel_requested"])
        audit(actor=user, kind="run.cancelled", subject=f"project:{run.project.slug}", run=run.pk)
    run.refresh_from_db()
    return run


def retry_run(*, run: Run, user: User | None = None) -> Run:
    """Queues an ended run again, from its last checkpoint, with three fresh attempts.

    Raises Conflict for a run that is active or succeeded, or where an active one has the same specification.
    """
    ended = [Run.State.FAILED, Run.State.CANCELLED, Run.State.LOST]
    try:
        with transaction.atomic():
            moved = Run.objects.filter(pk=run.pk, state__in=ended).update(
                state=Run.State.QUEUED, attempt=0, cancel_requested=False, error="", finished_at=None, phase=""
            )
            if not moved:
                raise Conflict(gettext("Only a run that failed, was cancelled or got lost can be continued."))
            audit(actor=user, kind="run.retried", subject=f"project:{run.project.slug}", run=run.pk)
    except IntegrityError as fault:
        raise Conflict(gettext("The same run is active already.")) from fault
    run.refresh_from_db()
    return run
