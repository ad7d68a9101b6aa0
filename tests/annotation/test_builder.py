"""The form builder: what an admin posts is the form that raters meet, and nothing is in force by accident."""

import pytest
from django.http import QueryDict
from django.urls import reverse

from annotation.builder import Builder
from annotation.models import Item
from annotation.protocols import PROTOCOLS, check_config, default_config
from annotation.services import forms, refit
from common.errors import Invalid
from tests.factories import FormVersionFactory, ItemFactory

FORM = "annotation:form"


def posted(client, project, **changes):
    """What the page would post as it stands, with `changes`."""
    page = client.get(reverse(FORM, args=[project.slug]))
    data = {"count": str(len(page.context["builder"].questions))}
    for question in page.context["builder"].questions:
        for bound in [*question.hidden_fields(), *question.visible_fields()]:
            value = bound.value()
            if isinstance(value, list):
                for number, row in enumerate(value):
                    data |= {
                        f"{bound.html_name}-{number}-{key}": str(one)
                        for key, one in row.items()
                        if one not in (None, [])
                    }
            elif value is True:
                data[bound.html_name] = "on"
            elif value not in (None, False):
                data[bound.html_name] = str(value)
    return data | changes


@pytest.mark.parametrize("key", sorted(PROTOCOLS))
def test_every_protocol_can_be_set_up_on_the_page(key, browse, ada, project):
    """The page of a form posts what it shows: put in force unchanged, it changes nothing."""
    field = {"name": "asked", "label": "", "help": "", "protocol": key, "required": True}
    form = FormVersionFactory(project=project, fields=[field | {"config": dict(default_config(key))}])
    client = browse(ada)
    reply = client.post(reverse(FORM, args=[project.slug]), posted(client, project))
    assert reply.status_code == 302, reply.context["faults"] or [
        one.errors for one in reply.context["builder"].questions
    ]
    assert project.form_versions.first().fields == form.fields
    assert form.fields[0]["config"] == check_config(key, form.fields[0]["config"])


def test_questions_are_added_moved_and_removed_without_being_in_force(browse, ada, project):
    forms.current_form(project=project)
    client, where = browse(ada), reverse(FORM, args=[project.slug])

    def names(reply):
        assert reply.status_code == 200
        return [one["name"].value() for one in reply.context["builder"].questions]

    added = client.post(where, posted(client, project, do="add:pairwise"))
    assert names(added) == ["preference", "pairwise"] and "not in force yet" in added.content.decode()
    data = {"count": "2"}
    for place, name in enumerate(["preference", "pairwise"]):
        data |= {f"{place}-name": name, f"{place}-protocol": "pairwise", f"{place}-config-points": "7"}
        data |= {f"{place}-config-rationale": "off", f"{place}-config-tie": "on", f"{place}-required": "on"}
    assert names(client.post(where, data | {"do": "up:1"})) == ["pairwise", "preference"]
    assert names(client.post(where, data | {"do": "down:0"})) == ["pairwise", "preference"]
    assert names(client.post(where, data | {"do": "remove:0"})) == ["pairwise"]
    assert project.form_versions.count() == 1
    assert client.post(where, data).status_code == 302
    assert [field["name"] for field in project.form_versions.first().fields] == ["preference", "pairwise"]
    twice = data | {"1-name": "preference"}
    refused = client.post(where, twice)
    assert refused.status_code == 422 and "used once" in refused.content.decode()


def test_rows_are_read_and_their_keys_made(project):
    data = QueryDict(mutable=True)
    data.update({"count": "1", "0-name": "preference", "0-protocol": "pairwise", "0-config-points": "7"})
    data.update({"0-config-rationale": "off", "0-config-tie": "on"})
    data.update({"0-config-aspects-0-name": "Is it honest?", "0-config-aspects-3-name": "有用"})
    (field,) = forms.check_fields(Builder.posted(data).fields)
    assert [(one["key"], one["name"]) for one in field["config"]["aspects"]] == [
        ("is_it_honest", "Is it honest?"),
        ("row_2", "有用"),
    ]


def test_a_form_that_waiting_items_do_not_fit_is_refused(project):
    before = project.form_versions.count()
    ItemFactory(project=project, state=Item.State.OPEN, responses=3)
    with pytest.raises(Invalid, match=r"1 item that waits .* two responses, and there are 3"):
        forms.set_form(project=project, fields=[{"name": "other", "protocol": "pairwise"}])
    assert project.form_versions.count() == before


def test_items_that_fit_no_form_come_back_when_one_fits_them(project):
    FormVersionFactory(project=project, fields=forms.default_fields())
    waiting = ItemFactory(
        project=project, state=Item.State.VOID, responses=3, meta={"unfit": 1, "void_reason": "three"}
    )
    by_hand = ItemFactory(project=project, state=Item.State.VOID, responses=3, meta={"void_reason": "spam"})
    other = {"name": "written", "protocol": "critique", "config": {}}
    while refit.refit():
        pass
    assert Item.objects.get(pk=waiting.pk).state == Item.State.VOID, "the form is the same as before"
    forms.set_form(project=project, fields=[other])
    while refit.refit():
        pass
    waiting.refresh_from_db()
    by_hand.refresh_from_db()
    assert (waiting.state, waiting.meta) == (Item.State.NEW, {})
    assert by_hand.state == Item.State.VOID, "what a person withdrew stays withdrawn"
    assert not project.form_versions.filter(refitted_at=None).exists()
