"""Reads of the routing floor, for its pages and its API."""
