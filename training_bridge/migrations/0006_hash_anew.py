import hashlib

from django.db import migrations

# What folders were hashed to in which no weights were found.
OF_NOTHING = hashlib.sha256().hexdigest()


def queue(apps, schema_editor):
    """Versions that wait for their hash since before the table was there, or have that of nothing."""
    versions = apps.get_model('corpus', 'ModelVersion').objects.exclude(path='')
    versions.filter(sha256=OF_NOTHING).update(sha256='')
    hashing = apps.get_model('training_bridge', 'Hashing')
    hashing.objects.bulk_create([hashing(version=version) for version in versions.filter(sha256='')])


class Migration(migrations.Migration):

    dependencies = [
        ('training_bridge', '0005_hashing'),
    ]

    operations = [
        migrations.RunPython(queue, migrations.RunPython.noop),
    ]
