"""Measurements. Never part of the tests: a machine may be slow without being wrong. Run `python -m tests.bench`."""
