"""A project's own pages. `home` and `overview` show all floors, so the roof adds them to these (config/urls.py)."""

from django.urls import path

from projects.views import guideline, joining, people, project

app_name = "projects"
urlpatterns = [
    path("invitations/<str:invitation_secret>/", joining.invitation, name="invitation"),
    path("projects/new/", project.create, name="create"),
    path("projects/<slug:slug>/settings/", project.settings, name="settings"),
    path("projects/<slug:slug>/guideline/", guideline.guideline, name="guideline"),
    path("projects/<slug:slug>/guideline/new/", guideline.guideline_new, name="guideline_new"),
    path(
        "projects/<slug:slug>/guideline/<int:guideline_number>/", guideline.guideline_version, name="guideline_version"
    ),
    path("projects/<slug:slug>/members/", people.members, name="members"),
    path("projects/<slug:slug>/members/<int:member_id>/role/", people.change_role, name="change_role"),
    path("projects/<slug:slug>/members/<int:member_id>/remove/", people.remove_member, name="remove_member"),
    path("projects/<slug:slug>/invitations/", people.invite, name="invite"),
    path(
        "projects/<slug:slug>/invitations/<int:invitation_id>/revoke/",
        people.revoke_invitation,
        name="revoke_invitation",
    ),
    path("projects/<slug:slug>/events/", project.events, name="events"),
]
