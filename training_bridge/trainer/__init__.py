"""What a run does in its process: groups, forward pass, losses, optimiser steps, checkpoints. Here torch is loaded."""
