"""The product's own child process, with one more method in its registry and without loading torch."""

import sys

from training_bridge import child
from training_bridge.methods import METHODS

METHODS["scripted"] = "tests.training_bridge.methods:METHOD"
child._set_threads = lambda spec: None

if __name__ == "__main__":
    raise SystemExit(child.main(sys.argv[1:]))
