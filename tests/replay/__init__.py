"""Judgments that people once made, made again through the public API: what comes out equals what went in.

`python -m tests.replay --all` plays the whole files and prints a table; the suite plays a sample of each.
"""
