from django.urls import path

from annotation.api import own

app_name = "rater-api"
urlpatterns = [
    path("answers/", own.AnswersView.as_view(), name="answers"),
    path("queue/", own.QueueView.as_view(), name="queue"),
    path("shortcuts/", own.KeysView.as_view(), name="keys"),
    path("statistics/", own.StatisticsView.as_view(), name="statistics"),
    path("statistics/telling/", own.TellingView.as_view(), name="telling"),
]
