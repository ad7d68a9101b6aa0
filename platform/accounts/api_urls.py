from django.urls import path

from accounts import api

app_name = "accounts-api"
urlpatterns = [
    path("me/", api.MeView.as_view(), name="me"),
    path("tokens/", api.TokensView.as_view(), name="tokens"),
    path("tokens/<int:token_id>/", api.TokenView.as_view(), name="token"),
]
