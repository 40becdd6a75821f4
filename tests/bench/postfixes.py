"""A private Postfix of Debian's, to stand beside: its configuration and queue in a temporary directory, loopback only.

Set up in its favour: no log, no delay of incoming mail, no statistics of clients, no DNS, processes enough for all
connections. Nothing of the machine's own configuration is read.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from tests.bench.frame import Missing, Running
from tests.bench.processes import free_port, listening, process

_MASTER = Path("/usr/lib/postfix/sbin/master")

HOLDS = ("smtpd_sender_restrictions = check_sender_access static:HOLD, permit",)
"""Lines of main.cf for a Postfix that accepts durably and delivers nothing."""

_SERVICES = {
    "pickup": "n - n 60 1 pickup",
    "cleanup": "n - n - 0 cleanup",
    "qmgr": "n - n 300 1 qmgr",
    "tlsmgr": "- - n 1000? 1 tlsmgr",
    "rewrite": "- - n - - trivial-rewrite",
    "bounce": "- - n - 0 bounce",
    "defer": "- - n - 0 bounce",
    "trace": "- - n - 0 bounce",
    "flush": "n - n 1000? 0 flush",
    "proxymap": "- - n - - proxymap",
    "showq": "n - n - - showq",
    "error": "- - n - - error",
    "retry": "- - n - - error",
    "discard": "- - n - - discard",
    "smtp": "- - n - - smtp",
}

_OTHERS = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")


@contextlib.asynccontextmanager
async def postfix(
    main: Sequence[str] = (), master: Sequence[str] = (), *, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """A Postfix with further lines of main.cf and master.cf; `environment` reaches all of its processes.

    Its directory is its own, since unprivileged processes must be able to enter it.
    """
    if not _MASTER.exists():
        raise Missing("postfix is not installed: apt-get install postfix")
    if os.geteuid() != 0:
        raise Missing("postfix must be started by root")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="smsbridge-bench-postfix-") as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "main.cf").write_text(_main_cf(place, main, environment or {}), encoding="ascii")
        (place / "master.cf").write_text(_master_cf(port, master), encoding="ascii")
        os.utime(place / "main.cf", (0, 0))  # a file that has just been written is read again and again for 2 s
        (place / "data").mkdir()
        shutil.chown(place / "data", "postfix")
        _make_queues(place / "queue")
        with process([str(_MASTER), "-c", str(place), "-d"], environment=environment, said=place / "said") as pid:
            await listening(port, pid=pid)
            yield Running(port=port, pids=[pid])


def _main_cf(place: Path, more: Sequence[str], environment: Mapping[str, str]) -> str:
    passed = " ".join(["MAIL_CONFIG", *(f"{name}={value}" for name, value in environment.items())])
    return "\n".join(
        [
            "compatibility_level = 3.6",
            f"queue_directory = {place}/queue",
            f"data_directory = {place}/data",
            f"import_environment = {passed}",
            "myhostname = postfix.example.org",
            "myorigin = $myhostname",
            "mydestination =",
            "alias_maps =",
            "alias_database =",
            "inet_interfaces = 127.0.0.1",
            "inet_protocols = ipv4",
            "mynetworks = 127.0.0.0/8",
            "smtpd_peername_lookup = no",
            "smtpd_relay_restrictions = permit_mynetworks, reject",
            "smtpd_client_connection_count_limit = 0",
            "smtpd_client_event_limit_exceptions = $mynetworks",
            "smtp_dns_support_level = disabled",
            "smtp_host_lookup = native",
            "smtputf8_enable = no",
            "append_dot_mydomain = no",
            "notify_classes =",
            "in_flow_delay = 0",
            "default_process_limit = 300",
            *more,
            "",
        ]
    )


def _master_cf(port: int, more: Sequence[str]) -> str:
    lines = [f"127.0.0.1:{port} inet n - n - - smtpd"]
    lines += [f"{name} unix {rest}" for name, rest in _SERVICES.items()]
    return "\n".join([*lines, *more, ""])


def _make_queues(queue: Path) -> None:
    """The directories that `postfix check` would make, and take seconds for."""
    queue.mkdir(mode=0o755)
    (queue / "pid").mkdir(mode=0o755)
    for name in _OTHERS:
        (queue / name).mkdir(mode=0o700)
        shutil.chown(queue / name, "postfix")
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        (queue / name).mkdir()
        (queue / name).chmod(mode)
        shutil.chown(queue / name, "postfix", "postdrop")
