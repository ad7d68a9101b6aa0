"""One side of a training benchmark as a process: `python -m benchmarks.train_worker '<specification>'`."""

import json
import sys

import torch


def main() -> None:
    spec = json.loads(sys.argv[1])
    if spec["device"] == "cpu":
        torch.set_num_threads(spec["threads"])
    if spec["side"] == "ours":
        from benchmarks.train_ours import work
    elif spec["side"] == "trl":
        from benchmarks.train_trl import work
    else:
        from benchmarks.train_flops import work
    work(spec)


if __name__ == "__main__":
    main()
