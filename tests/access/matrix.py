"""Who may do what, on every route. A route that is not here fails `test_matrix.py`.

To add a route, add one line: its name as `reverse()` takes it → for each HTTP method it answers, who may.
`OWNER` is for what belongs to one rater (a lease, a draft, an answer, a token): `objects.py` makes it rosa's.
Somebody who may not gets 404, whoever is not signed in gets 302 to the sign-in page (the API: 401), and no row changes.
If the path has an id of a kind that `objects.py` does not know yet, add it there, under the name of the URL's keyword.
"""

People = frozenset[str]

ADMIN: People = frozenset({"ada"})
RESEARCH: People = ADMIN | {"noor"}
REVIEW: People = RESEARCH | {"rev"}
MEMBERS: People = REVIEW | {"rosa", "rui"}
OWNER: People = frozenset({"rosa"})
SIGNED_IN: People = MEMBERS | {"eve"}  # eve is nobody here, and the admin of another project
ANYBODY: People = SIGNED_IN | {"anonymous"}
CREATORS: People = frozenset({"ada", "eve"})  # may_create_projects

MATRIX: dict[str, dict[str, People]] = {
    # accounts
    "accounts:login": {"GET": ANYBODY, "POST": ANYBODY},
    "accounts:link": {"GET": ANYBODY, "POST": ANYBODY},
    "accounts:logout": {"POST": ANYBODY},
    "accounts:account": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "accounts:password": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "accounts:tokens": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "accounts:revoke_token": {"POST": OWNER},
    "accounts:sign_out_everywhere": {"POST": SIGNED_IN},
    "accounts-api:me": {"GET": SIGNED_IN},
    "accounts-api:tokens": {"GET": SIGNED_IN},
    "accounts-api:token": {"DELETE": OWNER},
    # projects
    "projects:home": {"GET": SIGNED_IN},
    "projects:create": {"GET": CREATORS, "POST": CREATORS},
    "projects:overview": {"GET": MEMBERS},
    "projects:settings": {"GET": ADMIN, "POST": ADMIN},
    "projects:guideline": {"GET": MEMBERS},
    "projects:guideline_version": {"GET": MEMBERS},
    "projects:guideline_new": {"GET": ADMIN, "POST": ADMIN},
    "projects:members": {"GET": ADMIN},
    "projects:change_role": {"POST": ADMIN},
    "projects:remove_member": {"POST": ADMIN},
    "projects:invite": {"POST": ADMIN},
    "projects:revoke_invitation": {"POST": ADMIN},
    "projects:events": {"GET": ADMIN},
    "projects:invitation": {"GET": ANYBODY, "POST": ANYBODY},
    "projects-api:projects": {"GET": SIGNED_IN, "POST": CREATORS},
    "projects-api:project": {"GET": MEMBERS, "PATCH": ADMIN},
    "projects-api:members": {"GET": ADMIN},
    "projects-api:member": {"PATCH": ADMIN, "DELETE": ADMIN},
    "projects-api:invitations": {"GET": ADMIN, "POST": ADMIN},
    "projects-api:invitation": {"DELETE": ADMIN},
    "projects-api:guidelines": {"GET": MEMBERS, "POST": ADMIN},
    "projects-api:guideline": {"GET": MEMBERS},
    # corpus
    "corpus:imports": {"GET": RESEARCH},
    "corpus:import_new": {"GET": RESEARCH, "POST": RESEARCH},
    "corpus:import": {"GET": RESEARCH},
    "corpus:import_progress": {"GET": RESEARCH},
    "corpus:import_report": {"GET": RESEARCH},
    "corpus:import_report_csv": {"GET": RESEARCH},
    "corpus:import_retry": {"POST": RESEARCH},
    "corpus:prompts": {"GET": RESEARCH, "POST": RESEARCH},
    "corpus-api:imports": {"GET": RESEARCH, "POST": RESEARCH},
    "corpus-api:import": {"GET": RESEARCH},
    "corpus-api:import_report": {"GET": RESEARCH},
    "corpus-api:import_retry": {"POST": RESEARCH},
    "corpus-api:prompts": {"GET": RESEARCH, "PATCH": RESEARCH},
    # annotation
    "annotation-api:next": {"POST": MEMBERS},
    "annotation-api:renew": {"POST": OWNER},
    "annotation-api:release": {"POST": OWNER},
    "annotation-api:skip": {"POST": OWNER},
    "annotation-api:flag": {"POST": OWNER},
    "annotation-api:draft": {"PUT": OWNER},
    "annotation-api:annotations": {"POST": MEMBERS},
    "annotation-api:mine": {"GET": MEMBERS},
    "annotation-api:annotation": {"GET": OWNER},
    "annotation-api:revise": {"POST": OWNER},
    "annotation-api:retract": {"POST": OWNER},
    "annotation-api:annotations_export": {"GET": RESEARCH},
    "annotation-api:form": {"GET": MEMBERS, "PUT": ADMIN},
    "annotation-api:items": {"GET": REVIEW, "POST": RESEARCH},
    "annotation-api:item": {"GET": REVIEW},
    "annotation-api:labels": {"GET": REVIEW},
    "annotation-api:labels_export": {"GET": RESEARCH},
    "annotation-api:progress": {"GET": REVIEW},
    "annotation-api:agreement": {"GET": REVIEW},
    # routing
    "routing:desk": {"GET": RESEARCH},
    "routing:plan": {"GET": ADMIN, "POST": ADMIN},
    "routing:budget": {"GET": ADMIN, "POST": ADMIN},
    "routing:judges": {"GET": RESEARCH},
    "routing:judge_new": {"GET": ADMIN, "POST": ADMIN},
    "routing:judge": {"GET": RESEARCH},
    "routing:judge_retire": {"POST": ADMIN},
    "routing:judge_again": {"POST": ADMIN},
    "routing:decisions": {"GET": RESEARCH},
    "routing:decision": {"GET": RESEARCH},
    "routing-api:plans": {"GET": RESEARCH, "POST": ADMIN},
    "routing-api:plan": {"GET": RESEARCH},
    "routing-api:budget": {"GET": RESEARCH, "PUT": ADMIN},
    "routing-api:decisions": {"GET": RESEARCH},
    "routing-api:decision": {"GET": RESEARCH},
    "routing-api:judge_calls": {"GET": RESEARCH},
    "routing-api:judges": {"GET": RESEARCH, "POST": ADMIN},
    "routing-api:judge": {"GET": RESEARCH},
    "routing-api:judge_retire": {"POST": ADMIN},
    "routing-api:judge_again": {"POST": ADMIN},
    # training_bridge
    "training_bridge:snapshots": {"GET": RESEARCH},
    "training_bridge:snapshot_new": {"GET": RESEARCH, "POST": RESEARCH},
    "training_bridge:snapshot": {"GET": RESEARCH},
    "training_bridge:snapshot_retry": {"POST": RESEARCH},
    "training_bridge:snapshot_file": {"GET": RESEARCH},
    "training_bridge:runs": {"GET": RESEARCH},
    "training_bridge:run_choose": {"GET": RESEARCH},
    "training_bridge:run_new": {"GET": RESEARCH, "POST": RESEARCH},
    "training_bridge:run": {"GET": RESEARCH},
    "training_bridge:run_live": {"GET": RESEARCH},
    "training_bridge:run_cancel": {"POST": RESEARCH},
    "training_bridge:run_retry": {"POST": RESEARCH},
    "training_bridge:models": {"GET": RESEARCH},
    "training_bridge:model_new": {"GET": RESEARCH, "POST": RESEARCH},
    "training_bridge:model": {"GET": RESEARCH},
    "training_bridge-api:snapshots": {"GET": RESEARCH, "POST": RESEARCH},
    "training_bridge-api:snapshot": {"GET": RESEARCH},
    "training_bridge-api:snapshot_retry": {"POST": RESEARCH},
    "training_bridge-api:snapshot_file": {"GET": RESEARCH},
    "training_bridge-api:methods": {"GET": RESEARCH},
    "training_bridge-api:runs": {"GET": RESEARCH, "POST": RESEARCH},
    "training_bridge-api:run": {"GET": RESEARCH},
    "training_bridge-api:run_metrics": {"GET": RESEARCH},
    "training_bridge-api:run_log": {"GET": RESEARCH},
    "training_bridge-api:run_cancel": {"POST": RESEARCH},
    "training_bridge-api:run_retry": {"POST": RESEARCH},
    "training_bridge-api:models": {"GET": RESEARCH, "POST": RESEARCH},
    "training_bridge-api:model": {"GET": RESEARCH},
    # config, common
    "common:live": {"GET": ANYBODY},
    "common:ready": {"GET": ANYBODY},
    "schema": {"GET": ANYBODY},
}

# Django's admin and the two doors before it: only operators (is_staff) come in, and nobody of MATRIX is one.
OPERATORS_ONLY = ("admin:", "accounts:admin_")
