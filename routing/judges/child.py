"""A model behind a pipe: `python -m <module> <arguments>` reads JSON lines and writes JSON lines, each with its `id`.

A child process, so that no worker of the queue ever loads torch, and its memory is free again when it ends.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from common.words import gettext_noop as _


class ChildFailed(Exception):
    """The process could not be started, ended badly, took too long or wrote what cannot be read."""


def answers_of(
    module: str, arguments: Sequence[str], lines: Sequence[Mapping[str, Any]], *, timeout: float
) -> dict[str, dict[str, Any]]:
    """{id: the answer to the line of that id}; lines without an answer are missing. `timeout`: seconds for all.

    Raises ChildFailed.
    """
    base = Path(settings.BASE_DIR)
    # The child gets what it needs to run and to find a model, and no password.
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "CUDA_VISIBLE_DEVICES") if name in os.environ
    }
    environment |= {
        "PYTHONPATH": f"{base}{os.pathsep}{base / 'platform'}",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            input="".join(f"{json.dumps(line)}\n" for line in lines),
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=base,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as fault:
        raise ChildFailed(_("it took too long")) from fault
    except (OSError, subprocess.SubprocessError) as fault:
        raise ChildFailed(str(fault)) from fault
    if done.returncode != 0:
        said = done.stderr.strip()
        code = _("exit code %(returncode)s") % {"returncode": done.returncode}
        raise ChildFailed(said.splitlines()[-1] if said else code)
    try:
        found = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
        return {str(one["id"]): one for one in found}
    except (ValueError, KeyError, TypeError) as fault:
        raise ChildFailed(_("what it wrote cannot be read")) from fault
