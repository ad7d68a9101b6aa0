from training_bridge.management.starting import RunCommand


class Command(RunCommand):
    help = "Measures a reward model, and by it a policy: manage.py evaluate --reward … [--base … --reference …]"
    method = "evaluate"
