"""Builds everything and keeps it running. The only module that knows all the others."""

from bridge.daemon.daemon import Daemon
from bridge.daemon.store import visit_store

__all__ = ["Daemon", "visit_store"]
