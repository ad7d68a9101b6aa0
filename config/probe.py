"""`python -m config.probe live|ready`: asks the web server of this machine how it is, as health checks do."""

import argparse
import json
import sys
import urllib.error
import urllib.request

from config.env import env


def address() -> str:
    """Where a process on this machine reaches the web server."""
    host = env.text("HOST", "127.0.0.1")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{env.number('PORT', 8000)}"


def missing(check: str) -> list[str]:
    """What GET /healthz/<check> says is not up; empty when all is. `["web"]` where nobody answers."""
    request = urllib.request.Request(f"{address()}/healthz/{check}")  # noqa: S310  our own, http
    if hosts := env.listing("ALLOWED_HOSTS"):
        # The server answers only to the names it is known by; "*" and ".example.org" stand for any of theirs.
        request.add_header("Host", hosts[0].replace("*", "localhost").removeprefix("."))
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310  our own, http
            return []
    except urllib.error.HTTPError as answer:
        with answer:
            try:
                return list(json.load(answer)["missing"])
            except (ValueError, KeyError, TypeError):
                return [f"web (it answers {answer.code})"]
    except OSError:
        return ["web"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m config.probe", description=__doc__)
    parser.add_argument("check", choices=["live", "ready"])
    faults = missing(parser.parse_args().check)
    sys.exit(f"Not up: {', '.join(faults)}" if faults else 0)
