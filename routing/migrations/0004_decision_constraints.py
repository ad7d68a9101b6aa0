from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("routing", "0003_people_had_a_chance")]

    operations = [
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('asked__gte', 0), ('asked__lte', 1)), name='decision_asked'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('route', 'judge'), ('asked__gt', 0), _connector='OR'), name='decision_people_had_a_chance'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('purpose', 'plan'), models.Q(('route', 'judge'), _negated=True), _connector='OR'), name='decision_purpose_asks_people'),
        ),
    ]
