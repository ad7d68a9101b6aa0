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
    # projects
    # corpus
    # annotation
    # routing
    # training_bridge
    # config
    "schema": {"GET": ANYBODY},
}

# Django's admin: one entry for all its routes. Only operators (is_staff) come in; nobody of MATRIX is one.
OPERATORS_ONLY = "admin:"
