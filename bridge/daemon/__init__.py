"""Builds everything and keeps it running. The only module that knows all the others."""

from bridge.daemon.daemon import Daemon
from bridge.daemon.parts import sqlite_path

__all__ = ["Daemon", "sqlite_path"]
