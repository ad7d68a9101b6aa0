from training_bridge.management.starting import RunCommand


class Command(RunCommand):
    help = "Starts a run: manage.py train reward_model --snapshot 1 --base base [--wait]"
