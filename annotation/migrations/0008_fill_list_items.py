from django.db import migrations
from django.db.models import Count, Min, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce


def fill(apps, schema_editor):
    """What is kept with an item from now on, for the items that are there."""
    item, slot, label = (apps.get_model("annotation", name) for name in ("Item", "Slot", "Label"))
    done = slot.objects.filter(item=OuterRef("pk"), purpose="label", state="done").order_by().values("item")
    lowest = label.objects.filter(item=OuterRef("pk")).order_by().values("item")
    item.objects.update(
        answered=Coalesce(Subquery(done.annotate(n=Count("pk")).values("n")), Value(0)),
        confidence=Subquery(lowest.annotate(least=Min("confidence")).values("least")),
    )


class Migration(migrations.Migration):
    dependencies = [("annotation", "0007_list_items")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
