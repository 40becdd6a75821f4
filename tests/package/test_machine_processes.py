"""The service with `processes = 2` under a real systemd: one unit, one sandbox, one journal and one end for both.

Run with test_machine.py, on the same machine. What two processes do for their clients is seen in
tests/flows/test_processes.py; here it is whether the sandbox lets them, and that systemd keeps them together.
"""

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.package.machine import ASKED, Machine
from tests.package.test_machine import DROP_INS, TOKEN, edit, phone_gets, serve_somebody

pytestmark = [
    pytest.mark.timeout(900),  # as in test_machine.py
    pytest.mark.skipif(ASKED not in os.environ, reason="minutes, as root: python -m tests.long --only package"),
]

VISITOR = Path(__file__).with_name("visitor.py").read_text(encoding="utf-8")
ADDRESS = "anna@sms.example.com"
ROUTES = "/etc/smsbridge/routes.toml"
DAEMON, WORKER = 0, 1
BOTH = (DAEMON, WORKER)
PRIORITIES = {"info": "6", "warning": "4", "error": "3", "critical": "2"}


class Service:
    """It, with both its processes."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def visit(self, *words: object) -> str:
        """What a client (tests/package/visitor.py) says of it."""
        return self.machine.run("python3", "-c", VISITOR, *map(str, words)).strip()

    @property
    def processes(self) -> list[int]:
        """All of the unit, the main one first; as the machine numbers them."""
        return [int(word) for word in self.visit("who").split()]

    def mail(self, at: int, text: str, *, port: int = 8025, to: str = ADDRESS) -> str:
        """The last reply to a mail for this process."""
        return self.visit("mail", self.processes[at], port, to, text)

    def sms(self, at: int, text: str) -> str:
        """What this process answers to an SMS of Anna."""
        secret = self.machine.file("/etc/smsbridge/webhook-secret").read_text(encoding="ascii").strip()
        fields = {
            "messageType": "text",
            "notificationId": f"n-{text}",
            "senderAddress": "436600000001",
            "senderAddressType": "international",
            "recipientAddress": "436600000098",
            "recipientAddressType": "international",
            "textMessageContent": text,
        }
        return self.visit("sms", self.processes[at], 8080, f"/websms/{secret}", json.dumps(fields))

    @property
    def sent(self) -> Counter[str]:
        """The texts that the provider has, each with how often."""
        return Counter(message["text"] for message in self.machine.web("http://127.0.0.1:8091/messages"))

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What this start is about in the journal; the processes' own lines and systemd's."""
        started = self.machine.unit("InvocationID")["InvocationID"]
        about = (f"_SYSTEMD_INVOCATION_ID={started}", "+", f"INVOCATION_ID={started}")
        written = self.machine.run("journalctl", "--output=json", *about)
        return [json.loads(line) for line in written.splitlines()]

    @property
    def journal(self) -> str:
        """The same as text."""
        return "\n".join(line["MESSAGE"] for line in self.lines)

    @property
    def said(self) -> set[tuple[str, str]]:
        """Which process of this start wrote lines of which level; each line is whole and has its priority."""
        written = [line for line in self.lines if line["_COMM"] == "smsbridge"]
        assert [line for line in written if "_LINE_BREAK" in line] == []
        levels = [json.loads(line["MESSAGE"])["level"] for line in written]
        assert [line["PRIORITY"] for line in written] == [PRIORITIES[level] for level in levels]
        return {(line["_PID"], level) for line, level in zip(written, levels, strict=True)}

    def until(self, **properties: str) -> None:
        """Waits until systemd says so."""
        for name, value in properties.items():
            self.machine.until("systemctl", "show", "smsbridge.service", f"--property={name}", says=f"={value}\n")

    def again(self, restarts: int) -> None:
        """Waits until systemd has started it so often again, and it is ready."""
        self.until(NRestarts=str(restarts), ActiveState="active")

    def nobody_queues(self) -> None:
        """Waits until all is delivered."""
        asks = "import urllib.request as web; print(web.urlopen('http://127.0.0.1:8081/readyz').read().decode())"
        self.machine.until("python3", "-c", asks, says='"queued": 0')


@pytest.fixture
def service(machine: Machine) -> Service:
    """Two processes, whom everybody on the machine may give any number of mails."""
    serve_somebody(machine)
    limits = [
        (f'\n{name} = "{rate}/m"', f'\n{name} = "0"')
        for name, rate in (("sender", 60), ("recipient", 30), ("route", 120), ("total", 600))
    ]
    edit(machine, ("\nprocesses = 1\n", "\nprocesses = 2\n"), *limits)
    machine.run("install", "--mode=640", "--group=smsbridge", "/dev/stdin", "/etc/smsbridge/websms-token", given=TOKEN)
    machine.run("systemctl", "restart", "smsbridge.service")
    return Service(machine)


def status(machine: Machine, pid: int) -> dict[str, str]:
    return dict(line.partition(":\t")[::2] for line in machine.run("cat", f"/proc/{pid}/status").splitlines())


def test_both_are_the_units_and_only_the_first_speaks_with_systemd(service: Service) -> None:
    machine = service.machine
    main, worker = service.processes
    assert machine.unit("MainPID", "ActiveState", "NRestarts", "StatusErrno") == {
        "MainPID": str(main),
        "ActiveState": "active",
        "NRestarts": "0",
        "StatusErrno": "0",
    }
    found = [status(machine, pid) for pid in (main, worker)]
    for name in ("Uid", "Gid", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters"):
        assert found[WORKER][name] == found[DAEMON][name], name
    assert found[WORKER]["PPid"] == str(main)
    asks = "import urllib.request as web; print(web.urlopen('http://127.0.0.1:8081/metrics').read().decode())"
    shown = machine.run("python3", "-c", asks)
    for name in ("resident_memory_bytes", "cpu_seconds_total", "open_fds", "max_fds", "start_time_seconds"):
        for process in ("daemon", "worker 1"):
            assert f'smsbridge_process_{name}{{process="{process}"}} ' in shown
    machine.run("systemctl", "reload", "smsbridge.service")
    machine.until("systemctl", "show", "smsbridge.service", "--property=StatusText", says="reloaded")
    said = service.journal
    assert "Started smsbridge.service" in said
    for word in (
        "only permitted for main PID",
        "not permitted",
        "Permission denied",
        "EPERM",
        "Traceback",
        "exception",
    ):
        assert word not in said


def test_each_takes_mails_and_sms_and_both_write_whole_lines_to_the_journal(service: Service) -> None:
    for at in BOTH:
        for number in range(2):
            assert service.mail(at, f"Mail {number} at {at}.").startswith("250 2.0.0 ")
            status, _, answer = service.sms(at, f"SMS {number} at {at}.").partition(" ")
            assert (status, json.loads(answer)["statusCode"]) == ("200", 2000)
        assert service.mail(at, "Nobody", to="nobody@example.net").startswith("550 ")
    texts = {f"x\nMail {number} at {at}." for at in BOTH for number in range(2)}
    for text in texts:
        phone_gets(service.machine, text.partition("\n")[2])
    service.nobody_queues()
    assert service.sent == Counter(texts)
    mails = [
        path.read_text(encoding="utf-8") for path in service.machine.file("/var/lib/smsbridge/mail").rglob("new/*")
    ]
    for at in BOTH:
        for number in range(2):
            assert sum(f"SMS {number} at {at}." in mail for mail in mails) == 1
    main, worker = map(str, service.processes)
    assert {pid for pid, _ in service.said} == {main, worker}
    assert {level for pid, level in service.said if pid == worker} == {"info", "warning"}


def test_reload_changes_the_routes_of_both(service: Service) -> None:
    before = service.processes
    edit(service.machine, ('"anna@sms', '"berta@sms'), name=ROUTES)
    service.machine.run("systemctl", "reload", "smsbridge.service")
    service.machine.until("systemctl", "show", "smsbridge.service", "--property=StatusText", says="reloaded")
    for at in BOTH:
        assert service.mail(at, "Too late").startswith("550 5.1.1 ")
        assert service.mail(at, f"New {at}.", to="berta@sms.example.com").startswith("250 ")
        phone_gets(service.machine, f"New {at}.")
    assert service.processes == before


def test_both_listen_on_the_ports_of_the_socket_unit(service: Service) -> None:
    machine = service.machine
    machine.run("systemctl", "stop", "smsbridge.service")
    machine.run("systemctl", "start", "smsbridge.socket")
    assert machine.mail(25, text="The first").startswith("250 ")
    for at in BOTH:
        for port in (25, 587):
            assert service.mail(at, f"Port {port} at {at}.", port=port).startswith("250 ")
    before = service.processes
    machine.run("systemctl", "restart", "--no-block", "smsbridge.service")
    for number in range(5):
        assert machine.mail(25, text=f"Meanwhile {number}").startswith("250 ")
    service.until(ActiveState="active")
    assert not {*before} & {*service.processes}
    service.nobody_queues()
    assert set(service.sent.values()) == {1}
    assert service.sent.total() == 10
    service.visit("signal", service.processes[DAEMON], "SIGKILL")
    service.again(1)
    for at in BOTH:
        assert service.mail(at, f"Afterwards {at}.", port=25).startswith("250 ")


def test_both_listen_on_ports_below_1024_without_the_socket_unit(service: Service) -> None:
    edit(service.machine, ('listen = ["127.0.0.1:8025"]', 'listen = ["127.0.0.1:25"]'))
    service.machine.drop_in((DROP_INS / "ports-without-socket.conf").read_text())
    service.machine.run("systemctl", "restart", "smsbridge.service")
    for at in BOTH:
        assert service.mail(at, f"Port 25 at {at}.", port=25).startswith("250 ")


def storm(service: Service) -> Path:
    """Mails to both from now on; the file that says which were acknowledged."""
    drops = service.machine.file("/mnt/drops")
    drops.unlink(missing_ok=True)
    service.machine.file("/mnt/visitor.py").write_text(VISITOR, encoding="utf-8")
    pours = ["python3", "/mnt/visitor.py", "storm", "8025", ADDRESS]
    output = "--property=StandardOutput=append:/mnt/drops"
    service.machine.run("systemd-run", "--quiet", "--collect", "--unit=storm", output, *pours)
    for at in BOTH:
        service.machine.until("cat", "/mnt/drops", says=f" drop {at}-")
    return drops


def acknowledged(service: Service, drops: Path) -> dict[str, str]:
    """Ids and texts, once the storm is over."""
    service.machine.until("systemctl", "show", "storm.service", "--property=ActiveState", says="=inactive")
    lines = drops.read_text(encoding="ascii").splitlines()
    found = dict(line.split(" ", 1) for line in lines)
    assert len(found) == len(lines) > 0
    return found


def test_a_worker_that_is_killed_ends_the_service_and_systemd_starts_both_again(service: Service) -> None:
    before = service.processes
    drops = storm(service)
    service.visit("signal", before[WORKER], "SIGKILL")
    service.again(1)
    assert not {*before} & {*service.processes}
    taken = acknowledged(service, drops)
    assert f"process {before[WORKER]} beside the daemon ended" in service.machine.journal()
    service.nobody_queues()
    sent = service.sent
    assert {f"x\n{text}" for text in taken.values()} <= {*sent}
    assert set(sent.values()) == {1}
    for at in BOTH:
        assert service.mail(at, f"Afterwards {at}.").startswith("250 ")


def test_no_worker_outlives_a_daemon_that_is_killed(service: Service) -> None:
    # A stopped one does not see that its link is closed, and here systemd leaves it alone (else it would wake it up).
    service.machine.drop_in("[Service]\nKillMode=process\n")
    before = service.processes
    drops = storm(service)
    service.visit("signal", before[WORKER], "SIGSTOP")
    service.visit("signal", before[DAEMON], "SIGKILL")
    service.again(1)
    assert not {*before} & {*service.processes}
    taken = acknowledged(service, drops)
    sent = service.sent
    assert set(sent.values()) == {1}
    unclear = service.machine.run("smsbridge", "queue", "list", "--json")
    assert [text for mail, text in taken.items() if f"x\n{text}" not in sent and mail not in unclear] == []
    for at in BOTH:
        assert service.mail(at, f"Afterwards {at}.").startswith("250 ")


def test_stop_ends_both_while_somebody_talks_with_each(service: Service) -> None:
    before = service.processes
    service.machine.file("/mnt/visitor.py").write_text(VISITOR, encoding="utf-8")
    for at, pid in enumerate(before):
        holds = ["python3", "/mnt/visitor.py", "hold", str(pid), "8025"]
        service.machine.run("systemd-run", "--quiet", "--collect", f"--unit=holder-{at}", *holds)
        service.machine.until("journalctl", f"--unit=holder-{at}", says="begun")
    service.machine.run("systemctl", "stop", "smsbridge.service")
    assert service.machine.unit("Result", "ExecMainStatus", "ActiveState", "ControlGroup") == {
        "Result": "success",
        "ExecMainStatus": "0",
        "ActiveState": "inactive",
        "ControlGroup": "",
    }
    for at in BOTH:
        service.machine.until("journalctl", f"--unit=holder-{at}", says="421")
    said = service.journal
    assert "Deactivated successfully" in said
    assert not re.search("did not drain|Killing process|SIGKILL|timed out", said)


def test_the_watchdog_is_fed_while_mails_pour_in(service: Service) -> None:
    service.machine.drop_in("[Service]\nWatchdogSec=3\n")
    service.machine.run("systemctl", "restart", "smsbridge.service")
    before = service.processes
    drops = storm(service)
    fed = {service.machine.unit("WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"]}
    while len(fed) < 4:
        fed.add(service.machine.unit("WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"])
    assert service.processes == before
    service.machine.run("systemctl", "stop", "smsbridge.service")
    acknowledged(service, drops)
    assert {pid for pid, _ in service.said} == set(map(str, before))
    assert service.machine.unit("NRestarts", "Result") == {"NRestarts": "0", "Result": "success"}
