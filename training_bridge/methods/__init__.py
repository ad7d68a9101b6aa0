"""Training methods: one file each, run in a child process (`python -m training_bridge.child`). No Django here.

Beside them only what they are made of: `interface`, `settings`, and the frames `tuned` and `rewarded`. What does the
work is in `training_bridge.trainer` and `training_bridge.evaluation`.

`common.plugs.load(METHODS, key, "method")` gives a `Method` (interface.py). Importing one never loads torch, so a web
process can show its Config; only `train` does.
"""

METHODS: dict[str, str] = {
    "pretrain": "training_bridge.methods.pretrain:METHOD",
    "reward_model": "training_bridge.methods.reward_model:METHOD",
    "reward_ranking": "training_bridge.methods.reward_ranking:METHOD",
    "reward_thumbs": "training_bridge.methods.reward_thumbs:METHOD",
    "reward_ensemble": "training_bridge.methods.reward_ensemble:METHOD",
    "reward_aspects": "training_bridge.methods.reward_aspects:METHOD",
    "reward_spans": "training_bridge.methods.reward_spans:METHOD",
    "reward_expression": "training_bridge.methods.reward_expression:METHOD",
    "sft": "training_bridge.methods.sft:METHOD",
    "dpo": "training_bridge.methods.dpo:METHOD",
    "dpo_norm": "training_bridge.methods.dpo_norm:METHOD",
    "rdpo": "training_bridge.methods.rdpo:METHOD",
    "ipo": "training_bridge.methods.ipo:METHOD",
    "hinge": "training_bridge.methods.hinge:METHOD",
    "simpo": "training_bridge.methods.simpo:METHOD",
    "orpo": "training_bridge.methods.orpo:METHOD",
    "kto": "training_bridge.methods.kto:METHOD",
    "lipo_lambda": "training_bridge.methods.lipo_lambda:METHOD",
    "pro": "training_bridge.methods.pro:METHOD",
    "rationale_dpo": "training_bridge.methods.rationale_dpo:METHOD",
    "chain_of_hindsight": "training_bridge.methods.chain_of_hindsight:METHOD",
    "respond": "training_bridge.methods.respond:METHOD",
    "best_of_n": "training_bridge.methods.best_of_n:METHOD",
    "evaluate": "training_bridge.methods.evaluate:METHOD",
}
