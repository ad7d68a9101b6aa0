"""What is known of older words: the probability that people were asked, their purchases, and what was sampled."""

from django.db import migrations
from django.db.models import Max

DRAWN = {"pilot": 0, "calibration": 0, "audit_share": 0.0, "audits_a_week": 0, "hidden_share": 0.0, "second_share": 0.0}


def chances(apps, schema_editor):
    Decision = apps.get_model("routing", "Decision")
    item, missed, batch = None, 1.0, []
    for one in Decision.objects.order_by("item_id", "ordinal").only("item_id", "route", "propensity").iterator():
        if one.item_id != item:
            item, missed = one.item_id, 1.0
        missed *= one.propensity if one.route == "judge" else 1 - one.propensity
        one.asked = min(1.0, max(0.0, 1 - missed))
        batch.append(one)
        if len(batch) == 1000:
            Decision.objects.bulk_update(batch, ["asked"])
            batch = []
    Decision.objects.bulk_update(batch, ["asked"])


def purchases(apps, schema_editor):
    Slot, Decision = apps.get_model("annotation", "Slot"), apps.get_model("routing", "Decision")
    Purchase, Project = apps.get_model("routing", "Purchase"), apps.get_model("projects", "Project")
    people = Decision.objects.exclude(route="judge")
    for project in Project.objects.iterator():
        price = project.price_per_label
        last = dict(people.filter(item__project=project).values_list("item").annotate(last=Max("pk")))
        slots = Slot.objects.filter(project=project, audience="human", purpose="label", item__in=last)
        Purchase.objects.bulk_create(
            (
                Purchase(slot_id=pk, decision_id=last[item], price=price)
                for pk, item in slots.values_list("pk", "item").iterator()
            ),
            batch_size=1000,
        )


def sampled(apps, schema_editor):
    for plan in apps.get_model("routing", "RoutingPlan").objects.filter(sampling={}):
        plan.sampling = dict(DRAWN)
        if plan.policy == "confidence":
            plan.sampling["audit_share"] = plan.config.pop("exploration", 0.05)
        plan.save(update_fields=["config", "sampling"])


class Migration(migrations.Migration):
    dependencies = [("routing", "0002_promises_ledger_and_risk")]

    operations = [
        migrations.RunPython(chances, migrations.RunPython.noop),
        migrations.RunPython(purchases, migrations.RunPython.noop),
        migrations.RunPython(sampled, migrations.RunPython.noop),
    ]
