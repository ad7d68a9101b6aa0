"""A project's own pages. `home` and `overview` show all floors, so the roof adds them to these (config/urls.py)."""

from django.urls import path

from projects import views

app_name = "projects"
urlpatterns = [
    path("invitations/<str:invitation_secret>/", views.invitation, name="invitation"),
    path("projects/new/", views.create, name="create"),
    path("projects/<slug:slug>/settings/", views.settings, name="settings"),
    path("projects/<slug:slug>/guideline/", views.guideline, name="guideline"),
    path("projects/<slug:slug>/guideline/new/", views.guideline_new, name="guideline_new"),
    path("projects/<slug:slug>/guideline/<int:guideline_number>/", views.guideline_version, name="guideline_version"),
    path("projects/<slug:slug>/members/", views.members, name="members"),
    path("projects/<slug:slug>/members/<int:member_id>/role/", views.change_role, name="change_role"),
    path("projects/<slug:slug>/members/<int:member_id>/remove/", views.remove_member, name="remove_member"),
    path("projects/<slug:slug>/invitations/", views.invite, name="invite"),
    path(
        "projects/<slug:slug>/invitations/<int:invitation_id>/revoke/",
        views.revoke_invitation,
        name="revoke_invitation",
    ),
    path("projects/<slug:slug>/events/", views.events, name="events"),
]
