app_name = "training_bridge-api"
urlpatterns: list = []
