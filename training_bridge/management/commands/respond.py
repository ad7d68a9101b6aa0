from training_bridge.management.starting import RunCommand


class Command(RunCommand):
    help = "Lets a policy answer the open prompts; its responses become items: manage.py respond --base dpo-4"
    method = "respond"
