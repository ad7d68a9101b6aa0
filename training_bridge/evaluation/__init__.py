"""What a run measures of models on held-out prompts, for report cards. Here torch is loaded."""
