"""Training methods: one file each, run in a child process (`python -m training_bridge.child`). No Django here.

`common.plugs.load(METHODS, key, "method")` gives a `Method` (interface.py). Importing one never loads torch, so a web
process can show its Config; only `train` does.
"""

METHODS: dict[str, str] = {
    "pretrain": "training_bridge.methods.pretrain:METHOD",
    "reward_model": "training_bridge.methods.reward_model:METHOD",
    "dpo": "training_bridge.methods.dpo:METHOD",
    "respond": "training_bridge.methods.respond:METHOD",
    "evaluate": "training_bridge.methods.evaluate:METHOD",
}
