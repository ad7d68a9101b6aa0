"""A project's own pages. `home` and `overview` show all floors, so the roof adds them to these (config/urls.py)."""

from django.urls import path

from projects.views import guideline, inviting, joining, people, project, welcome

app_name = "projects"
urlpatterns = [
    path("invitations/<str:invitation_secret>/", joining.invitation, name="invitation"),
    path("join/<str:open_link_secret>/", joining.open_link, name="open_link"),
    path("projects/<slug:slug>/settings/", project.settings, name="settings"),
    path("projects/<slug:slug>/guideline/", guideline.guideline, name="guideline"),
    path("projects/<slug:slug>/guideline/new/", guideline.guideline_new, name="guideline_new"),
    path(
        "projects/<slug:slug>/guideline/<int:guideline_number>/", guideline.guideline_version, name="guideline_version"
    ),
    path("projects/<slug:slug>/members/", people.members, name="members"),
    path("projects/<slug:slug>/members/<int:member_id>/", people.member, name="member"),
    path("projects/<slug:slug>/members/<int:member_id>/pause/", people.pause_member, name="pause_member"),
    path("projects/<slug:slug>/members/<int:member_id>/way-back/", people.way_back, name="way_back"),
    path("projects/<slug:slug>/members/<int:member_id>/role/", people.change_role, name="change_role"),
    path("projects/<slug:slug>/members/<int:member_id>/remove/", people.remove_member, name="remove_member"),
    path("projects/<slug:slug>/invitations/", inviting.invite, name="invite"),
    path(
        "projects/<slug:slug>/invitations/<int:invitation_id>/revoke/",
        inviting.revoke_invitation,
        name="revoke_invitation",
    ),
    path("projects/<slug:slug>/invitations/many/", inviting.guests, name="guests"),
    path("projects/<slug:slug>/open-links/", inviting.open_link_list, name="open_links"),
    path(
        "projects/<slug:slug>/open-links/<int:open_link_id>/revoke/", inviting.revoke_open_link, name="revoke_open_link"
    ),
    path("projects/<slug:slug>/ask/", welcome.ask, name="ask"),
    path("projects/<slug:slug>/welcome/", welcome.welcome, name="welcome"),
    path("projects/<slug:slug>/welcome/withdraw/", welcome.withdraw, name="withdraw"),
    path("projects/<slug:slug>/events/", project.events, name="events"),
]
