import common.models
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0009_items_by_source'),
        ('projects', '0007_completion_codes'),
        ('routing', '0008_promise_check_took'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Escalation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('criteria', common.models.CleanJSONField(default=dict)),
                ('state', models.CharField(choices=[('running', 'At work'), ('done', 'Done'), ('stopped', 'Stopped'), ('failed', 'Failed')], default='running', max_length=7)),
                ('why', models.TextField(blank=True)),
                ('items', models.PositiveIntegerField(help_text='That were like this when it was ordered')),
                ('looked_at', models.PositiveIntegerField(default=0)),
                ('asked', models.PositiveIntegerField(default=0, help_text='Items that went to people')),
                ('after', models.BigIntegerField(default=0)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.AddField(
            model_name='budget',
            name='expected_items',
            field=models.PositiveIntegerField(blank=True, help_text='Of a period, or in all; null: a stream is not paced', null=True),
        ),
        migrations.AddField(
            model_name='streamprice',
            name='since',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name='decision',
            index=models.Index(condition=models.Q(('purpose__in', ['pilot', 'calibration', 'audit'])), fields=['plan', 'purpose', 'created_at'], name='decision_drawn'),
        ),
        migrations.AddField(
            model_name='escalation',
            name='created_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='escalation',
            name='project',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='escalations', to='projects.project'),
        ),
        migrations.AddConstraint(
            model_name='escalation',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['running', 'done', 'stopped', 'failed'])), name='escalation_state'),
        ),
        migrations.AddConstraint(
            model_name='escalation',
            constraint=models.CheckConstraint(condition=models.Q(('asked__lte', models.F('looked_at'))), name='escalation_counts'),
        ),
        migrations.AddConstraint(
            model_name='escalation',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('project',), name='escalation_one_running_at_a_time'),
        ),
    ]
