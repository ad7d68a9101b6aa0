app_name = "training_bridge"
urlpatterns: list = []
