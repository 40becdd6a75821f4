"""All stages, in the order of issue 8's table."""

from importlib import import_module

from tests.bench.frame import Stage

MODULES = (
    "limits",
    "intake",
    "whole",
    "notified",
    "latency",
    "backlog",
    "down",
    "nodes",
    "crowds",
    "memory",
    "door",
    "profile",
)
"""Modules of tests.bench that have STAGES."""


def stages() -> list[Stage]:
    """Every stage there is."""
    return [stage for name in MODULES for stage in import_module(f"tests.bench.{name}").STAGES]
