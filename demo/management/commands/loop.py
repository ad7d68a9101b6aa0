import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common.machine import free_port

START_SECONDS = 120


class Command(BaseCommand):
    help = "Starts the whole product in VAR_DIR, rehearses the loop in it (see `rehearse`), stops it again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rehearsal", nargs="*", help="Options of `rehearse`, after --")

    def handle(self, *args: Any, **options: Any) -> None:
        log = Path(settings.VAR_DIR) / "loop.log"
        port = free_port()
        environment = os.environ | {"PORT": str(port), "VAR_DIR": str(settings.VAR_DIR)}
        self.stdout.write(f"Starting web, workers and beat in {settings.VAR_DIR} (their log: {log})")
        with log.open("wb") as out:
            product = subprocess.Popen(
                [sys.executable, "-m", "config.supervisor"],
                env=environment,
                cwd=settings.BASE_DIR,
                stdout=out,
                stderr=out,
            )
        try:
            wait_until_ready(product, port, log)
            command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "rehearse", *options["rehearsal"]]
            code = subprocess.run(command, env=environment, cwd=settings.BASE_DIR, check=False).returncode
        finally:
            product.send_signal(signal.SIGTERM)
            product.wait()
        if code:
            raise CommandError(f"The rehearsal did not end well; the product's log is {log}.", returncode=code)


def wait_until_ready(product: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Raises CommandError where the product ends, or is not ready in two minutes."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if product.poll() is not None:
            raise CommandError(f"The product did not start; its log is {log}.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz/ready", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise CommandError(f"The product was not ready in {START_SECONDS} seconds; its log is {log}.")
