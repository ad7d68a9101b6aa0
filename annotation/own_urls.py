"""A rater's own pages, over all projects."""

from django.urls import path

from annotation.views import own

app_name = "rater"
urlpatterns = [
    path("answers/", own.answers, name="answers"),
    path("shortcuts/", own.keys, name="keys"),
    path("statistics/", own.figures, name="statistics"),
    path("statistics/telling/", own.telling, name="telling"),
]
