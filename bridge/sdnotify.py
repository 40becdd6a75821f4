"""Talking to systemd: ready, reloading, stopping, alive; and the sockets it opened for us.

The protocol is a datagram of ``KEY=value`` lines and a few environment variables, documented as stable in
sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3), so no library stands between. Outside systemd it
does nothing: `notify` and its words return False, the rest say that there is nothing to do. A notification
socket that is gone or full raises nothing here: a bridge that delivers is worth more than one that is
believed.
"""

import os
import socket
import time
from collections.abc import Mapping, MutableMapping
from functools import cache
from typing import Final

_FIRST_FD: Final = 3  # SD_LISTEN_FDS_START
_PATIENCE: Final = 1.0  # seconds; systemd reads at once, and the event loop must not hang on it


def notify(*assignments: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Sends ``KEY=value`` lines in one datagram to ``$NOTIFY_SOCKET``; True if they were handed over.

    A line break inside an assignment would start another one, so it becomes a space.
    """
    path = environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    address = "\0" + path[1:] if path.startswith("@") else path  # "@" writes the abstract namespace
    datagram = "\n".join(" ".join(line.splitlines()) for line in assignments).encode("utf-8", "replace")
    try:
        _sender().sendto(datagram, address)
    except OSError:
        return False
    return True


@cache
def _sender() -> socket.socket:
    """Kept: clients may take all other descriptors, and whoever is not heard of then is ended by the watchdog."""
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.settimeout(_PATIENCE)
    return sender


def ready(status: str = "", *, environ: Mapping[str, str] = os.environ) -> bool:
    """The doors are open. Also ends a reload, whether it brought anything new or not."""
    return notify("READY=1", *_status(status), environ=environ)


def reloading(status: str = "", *, environ: Mapping[str, str] = os.environ) -> bool:
    """A reload begins; `ready` must follow. With the monotonic time that ``Type=notify-reload`` asks for."""
    now = f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
    return notify("RELOADING=1", now, *_status(status), environ=environ)


def stopping(status: str = "", *, environ: Mapping[str, str] = os.environ) -> bool:
    """The doors are closed, what is in flight is being finished."""
    return notify("STOPPING=1", *_status(status), environ=environ)


def status(text: str, *, environ: Mapping[str, str] = os.environ) -> bool:
    """One line for ``systemctl status``."""
    return notify(f"STATUS={text}", environ=environ)


def alive(*, environ: Mapping[str, str] = os.environ) -> bool:
    """Feeds the watchdog. To be sent only by whoever has just seen the spool and delivery work."""
    return notify("WATCHDOG=1", environ=environ)


def watchdog_interval(environ: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between two `alive`: half of ``WatchdogSec=``, as sd_watchdog_enabled(3) advises; None: none.

    A watchdog meant for another process (``$WATCHDOG_PID``: we are a child that inherited it) is no watchdog.
    """
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not (microseconds.isascii() and microseconds.isdigit()) or int(microseconds) == 0:
        return None
    return int(microseconds) / 2 / 1_000_000


def listen_sockets(environ: MutableMapping[str, str] = os.environ) -> dict[str, list[socket.socket]]:
    """The listening sockets systemd opened, by ``FileDescriptorName=``, in the order of its socket units.

    The variables are taken out of `environ`, so that no child believes them and a second call finds nothing.
    A descriptor without a name is ``unknown``, as in sd_listen_fds(3); one that is no socket raises OSError.
    """
    pid, count, names = (environ.pop(key, "") for key in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if pid != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return {}
    called = names.split(":") if names else []
    found: dict[str, list[socket.socket]] = {}
    for index in range(int(count)):
        descriptor = _FIRST_FD + index
        os.set_inheritable(descriptor, False)
        name = called[index] if index < len(called) and called[index] else "unknown"
        found.setdefault(name, []).append(socket.socket(fileno=descriptor))
    return found


def _status(text: str) -> tuple[str, ...]:
    return (f"STATUS={text}",) if text else ()
