app_name = "routing-api"
urlpatterns: list = []
