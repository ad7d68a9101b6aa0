"""The slider of the desk: what a share of people buys, and what putting it in force does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from projects.models import Project
from routing.models import RoutingPlan
from routing.services import risk
from tests.routing.test_risk import label  # noqa: F401  the fixture

pytestmark = pytest.mark.django_db


def url(name: str) -> str:
    return reverse(f"routing:{name}", args=["bicycles"])


def points(api: Any) -> dict[float, dict[str, float]]:
    body = api.get(reverse("routing-api:outlook", args=["bicycles"])).json()
    return {point["share"]: point for point in body["points"]}


def test_the_slider_shows_what_a_share_buys_and_puts_it_in_force(
    project: Project,
    ada: User,
    noor: User,
    browse: Callable[..., Client],
    api: Callable[..., Any],
    label: Any,  # noqa: F811
) -> None:
    client = browse(ada)
    label(20)
    assert "from 30 on a curve is drawn" in client.get(url("desk")).content.decode()
    label(160, seed=1)
    page = client.get(url("desk")).content.decode()
    assert "ranked by the judge" in page and 'type="range"' in page
    before = points(api(ada))
    model = risk.begin(project=project)
    assert risk.fit(risk_model_id=model.pk)
    after = points(api(ada))
    # The judge is wrong where its orders contradict each other: it shows that, and a model learns it.
    for found in (before, after):
        assert found[0.4]["low"] > found[0.4]["at_random"] + 0.02
        assert found[0.0]["agreement"] == pytest.approx(1 - 63 / 180, abs=0.1)
    assert after[0.0] == pytest.approx(before[0.0], abs=0.02)
    assert "had not seen them" in client.get(url("desk")).content.decode()
    part = client.get(url("outlook"), {"share": "40"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and "40 %" in part and f"{round(100 * after[0.4]['agreement'])}%" in part
    assert client.get(url("outlook"), {"share": "40"}).status_code == 302
    chosen = client.post(url("choose"), {"share": "40"})
    assert chosen.status_code == 302
    plan = RoutingPlan.objects.filter(project=project).latest("number")
    assert (plan.policy, plan.config["mode"], plan.config["share"]) == ("learned", "batch", 0.4)
    assert plan.sampling["pilot"] == 150
    client.post(url("choose"), {"share": "60"})
    plan = RoutingPlan.objects.filter(project=project).latest("number")
    assert (plan.policy, plan.config["share"]) == ("learned", 0.6)
    client.post(url("choose"), {"share": "nonsense"})
    assert RoutingPlan.objects.filter(project=project).latest("number") == plan
    assert browse(noor).post(url("choose"), {"share": "40"}).status_code == 404
