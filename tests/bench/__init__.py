"""Benchmarks: the product beside the plainest thing that does the same, in one run."""
