"""`python -m tests.replay [--all] [name …]`: plays recorded judgments through the API and prints what came of them."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

SAMPLE = 20


def _prepared(folder: str) -> None:
    """Django on an empty database of its own (or on the one that DATABASE_URL names)."""
    os.environ["VAR_DIR"] = folder
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.path[:0] = ["platform"]
    import django
    from django.core.management import call_command
    from django.test.utils import setup_test_environment

    django.setup()
    setup_test_environment()
    call_command("migrate", verbosity=0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    parser.add_argument("names", nargs="*", help="folders of the data (docs/how-to/public-data.md); all by default")
    parser.add_argument("--all", action="store_true", help=f"the whole files, not {SAMPLE} items of each")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prefloop-replay-") as folder:
        _prepared(folder)
        return _played(chosen)


def _played(chosen: argparse.Namespace) -> int:
    from common import bells
    from tests.replay.playing import DIFFERENCES, play
    from tests.replay.sources import SOURCES

    # Nobody listens: what a worker would do is done here.
    bells.ring = lambda *_: None
    outcomes = []
    for number, source in enumerate(SOURCES):
        place = chosen.data / source.folder
        if chosen.names and source.folder not in chosen.names:
            continue
        if not place.exists():
            print(f"{source.key}: shared data absent ({place})")
            continue
        limit = None if chosen.all else SAMPLE
        outcomes.append(play(source, place, name=str(number), limit=limit, say=lambda text: print(text, flush=True)))
        for item, who, wanted, found in outcomes[-1].differing[:DIFFERENCES]:
            print(f"  {item} by {who}:\n    went in  {wanted}\n    came out {found}")
    print(f"\n| {'source':48} | items | judgments | equal | differing | lost | seconds |")
    print(f"|{'-' * 50}|------:|----------:|------:|----------:|-----:|--------:|")
    for one in outcomes:
        counts = (one.items, one.judgments, one.equal, len(one.differing), one.lost, round(one.seconds))
        print(f"| {one.key:48} | " + " | ".join(f"{count:,}" for count in counts) + " |")
    return 0 if outcomes and all(one.whole for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
