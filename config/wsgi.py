import os
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "platform"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

# Every page's code is loaded when a process starts, not while the first person waits for it.
import config.urls  # noqa: E402, F401  after the application: it needs the apps
