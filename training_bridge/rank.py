"""`python -m training_bridge.rank <run folder> <rank> <processes> <meeting>`: one of those that `launch` starts.

It joins the others by the file <meeting> and then is a trainer like any other (training_bridge/child.py); only the
first one's reports are read by anybody. Nothing here knows Django.
"""

import os
import sys
from datetime import timedelta

from common.machine import die_with_parent

PATIENCE = timedelta(hours=2)
"""How long one waits for the others, who may still be reading their share under the reference."""


def main(arguments: list[str]) -> int:
    """Returns the exit code of the trainer."""
    import torch
    import torch.distributed as dist

    from training_bridge import child

    die_with_parent()
    folder, place, processes, meeting = arguments[0], int(arguments[1]), int(arguments[2]), arguments[3]
    if place > 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if torch.cuda.is_available():
        torch.cuda.set_device(place)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(
        backend, init_method=f"file://{meeting}", rank=place, world_size=processes, timeout=PATIENCE
    )
    return child.main([folder])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
