
import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('corpus', '0002_imports_are_previewed'),
        ('projects', '0007_completion_codes'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='prompt',
            index=models.Index(fields=['project', 'language'], name='prompt_by_language'),
        ),
        migrations.AddIndex(
            model_name='prompt',
            index=django.contrib.postgres.indexes.GinIndex(fields=['tags'], name='prompt_by_tag', opclasses=['jsonb_path_ops']),
        ),
    ]
