from django.urls import path

from projects.api import guideline, joining, people, project, welcome

app_name = "projects-api"
urlpatterns = [
    path("projects/", project.ProjectsView.as_view(), name="projects"),
    path("projects/<slug:slug>/", project.ProjectView.as_view(), name="project"),
    path("projects/<slug:slug>/members/", people.MembersView.as_view(), name="members"),
    path("projects/<slug:slug>/members/<int:member_id>/", people.MemberView.as_view(), name="member"),
    path("projects/<slug:slug>/invitations/", joining.InvitationsView.as_view(), name="invitations"),
    path("projects/<slug:slug>/invitations/<int:invitation_id>/", joining.InvitationView.as_view(), name="invitation"),
    path("projects/<slug:slug>/members/<int:member_id>/way-back/", people.WayBackView.as_view(), name="way_back"),
    path("projects/<slug:slug>/choices/", people.ChoicesView.as_view(), name="choices"),
    path("projects/<slug:slug>/invitations/many/", joining.GuestsView.as_view(), name="guests"),
    path("projects/<slug:slug>/open-links/", joining.OpenLinksView.as_view(), name="open_links"),
    path("projects/<slug:slug>/open-links/<int:open_link_id>/", joining.OpenLinkView.as_view(), name="open_link"),
    path("join/<str:open_link_secret>/", joining.OpenJoinView.as_view(), name="open_join"),
    path("projects/<slug:slug>/welcome/", welcome.WelcomeView.as_view(), name="welcome"),
    path("projects/<slug:slug>/welcome/ask/", welcome.AskView.as_view(), name="ask"),
    path("projects/<slug:slug>/welcome/agreement/", welcome.AgreementView.as_view(), name="agreement"),
    path("projects/<slug:slug>/welcome/answers/", welcome.SurveyAnswersView.as_view(), name="survey_answers"),
    path("invitations/<str:invitation_secret>/", joining.JoinView.as_view(), name="join"),
    path("projects/<slug:slug>/guidelines/", guideline.GuidelinesView.as_view(), name="guidelines"),
    path(
        "projects/<slug:slug>/guidelines/<int:guideline_number>/",
        guideline.GuidelineView.as_view(),
        name="guideline",
    ),
    path(
        "projects/<slug:slug>/guidelines/<int:guideline_number>/changes/",
        guideline.GuidelineChangesView.as_view(),
        name="guideline_changes",
    ),
]
