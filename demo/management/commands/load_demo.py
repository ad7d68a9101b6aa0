from typing import Any

from django.core.management.base import BaseCommand

from demo.desk import load


class Command(BaseCommand):
    help = "Makes the demo project and its people, once."

    def handle(self, *args: Any, **options: Any) -> None:
        project = load()
        items = project.items.count()
        meanwhile = "" if project.model_versions.exists() else "; a tiny base model is made meanwhile"
        self.stdout.write(f"The demo project “{project.name}” has {items} items{meanwhile}.")
