"""What is measured against a goal. Nothing of the product imports this; figures go to docs/performance.md."""
