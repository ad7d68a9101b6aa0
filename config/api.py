"""The API's addresses, gathered from the apps: `<app>/api_urls.py`."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from config.departure import DeletionView
from config.founding import PresetsView

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("presets/", PresetsView.as_view(), name="presets"),
    path("me/deletion/", DeletionView.as_view(), name="deletion"),
    path("", include("accounts.api_urls")),
    path("", include("annotation.own_api_urls")),
    path("", include("projects.api_urls")),
    path("projects/<slug:slug>/", include("corpus.api_urls")),
    path("projects/<slug:slug>/", include("annotation.api_urls")),
    path("projects/<slug:slug>/", include("routing.api_urls")),
    path("projects/<slug:slug>/", include("training_bridge.api_urls")),
]
