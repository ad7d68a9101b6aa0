from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("routing", "0010_the_word_that_counts")]

    operations = [
        migrations.AlterField(
            model_name="decision",
            name="asked",
            field=models.FloatField(
                default=0,
                help_text="Of the one word whose draw counts: the probability that it asks people; 0: any other word",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                fields=["item"], condition=models.Q(asked__gt=0), name="decision_one_counts"
            ),
        ),
    ]
