"""Of an item's words the first that might have asked people counts in figures, with its own probability."""

from django.db import migrations

SET_ASIDE = ("pilot", "calibration")


def first_chances(apps, schema_editor):
    Decision = apps.get_model("routing", "Decision")
    seen, batch = None, []
    rows = Decision.objects.order_by("item_id", "ordinal").only("item_id", "route", "purpose", "propensity")
    for one in rows.iterator():
        chance = 1 - one.propensity if one.route == "judge" else one.propensity
        one.asked = 0.0 if one.item_id == seen else 1.0 if one.purpose in SET_ASIDE else chance
        seen = one.item_id if one.asked > 0 else seen
        batch.append(one)
        if len(batch) == 1000:
            Decision.objects.bulk_update(batch, ["asked"])
            batch = []
    Decision.objects.bulk_update(batch, ["asked"])


class Migration(migrations.Migration):
    dependencies = [("routing", "0009_pace_drawn_words_and_escalations")]

    operations = [
        migrations.RemoveConstraint(model_name="decision", name="decision_people_had_a_chance"),
        migrations.RunPython(first_chances, migrations.RunPython.noop),
    ]
