"""Benchmarks, one JSON line each (`./run bench`): what a step costs, and how much more than its bare need."""
