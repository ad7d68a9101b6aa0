
import common.models
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0006_habits'),
        ('corpus', '0003_find_prompts'),
        ('projects', '0007_completion_codes'),
    ]

    operations = [
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('project', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='tally', serialize=False, to='projects.project')),
                ('figures', common.models.CleanJSONField(default=dict)),
                ('took_ms', models.PositiveIntegerField()),
                ('counted_at', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='item',
            name='answered',
            field=models.PositiveSmallIntegerField(default=0, help_text='Slots that are answered, kept with them'),
        ),
        migrations.AddField(
            model_name='item',
            name='confidence',
            field=models.FloatField(blank=True, help_text='Of its labels the lowest, kept with them; empty: it has none', null=True),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(fields=['project', 'id'], name='item_in_order'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(fields=['project', 'priority', 'id'], name='item_by_priority'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(condition=models.Q(('confidence__isnull', False)), fields=['project', 'confidence', 'id'], name='item_by_confidence'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(fields=['project', 'answered', 'id'], name='item_by_answered'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(fields=['project', 'round', 'id'], name='item_by_round'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(fields=['project', 'external_id'], name='item_by_prefix', opclasses=['int8_ops', 'varchar_pattern_ops']),
        ),
    ]
