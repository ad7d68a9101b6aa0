from django.urls import path

from projects import api

app_name = "projects-api"
urlpatterns = [
    path("projects/", api.ProjectsView.as_view(), name="projects"),
    path("projects/<slug:slug>/", api.ProjectView.as_view(), name="project"),
    path("projects/<slug:slug>/members/", api.MembersView.as_view(), name="members"),
    path("projects/<slug:slug>/members/<int:member_id>/", api.MemberView.as_view(), name="member"),
    path("projects/<slug:slug>/invitations/", api.InvitationsView.as_view(), name="invitations"),
    path("projects/<slug:slug>/invitations/<int:invitation_id>/", api.InvitationView.as_view(), name="invitation"),
    path("invitations/<str:invitation_secret>/", api.JoinView.as_view(), name="join"),
    path("projects/<slug:slug>/guidelines/", api.GuidelinesView.as_view(), name="guidelines"),
    path("projects/<slug:slug>/guidelines/<int:guideline_number>/", api.GuidelineView.as_view(), name="guideline"),
]
