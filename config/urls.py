"""Every address of the product. Pages of a project lie under /projects/<slug>/, the API under /api/v1/."""

from django.contrib import admin
from django.urls import include, path

from config.departure import delete_account
from config.founding import create, start
from config.overview import home, overview
from projects import urls as projects

# Pages that concern every floor: the roof adds them under the projects' name.
project_pages = [
    path("", home, name="home"),
    *projects.urlpatterns,
    path("projects/new/", create, name="create"),
    path("projects/<slug:slug>/start/", start, name="start"),
    path("account/delete/", delete_account, name="delete_account"),
    path("projects/<slug:slug>/", overview, name="overview"),
]

urlpatterns = [
    path("", include((project_pages, projects.app_name))),
    path("", include("accounts.urls")),
    path("", include("annotation.own_urls")),
    path("projects/<slug:slug>/", include("corpus.urls")),
    path("projects/<slug:slug>/", include("annotation.urls")),
    path("projects/<slug:slug>/", include("routing.urls")),
    path("projects/<slug:slug>/", include("training_bridge.urls")),
    path("healthz/", include("common.urls")),
    path("api/v1/", include("config.api")),
    path("admin/", admin.site.urls),
]

handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
