"""The Debian package, from `apt install` to `apt purge`, and the service in it under a real systemd.

`python -m tests.long --only package` runs them: some five minutes, as root. One machine for all: a clean Debian with
systemd as its first process (tests/package/machine.py). Each test puts the configuration it needs, so that it may run
alone; the last ones remove the package. What is quicker to see stands in test_debian.py and tests/test_systemd.py.
"""

import os
import re
import secrets
import stat

import pytest

from tests.package import built
from tests.package.machine import ASKED, Machine

pytestmark = [
    pytest.mark.timeout(900),  # the package is built and a machine is made; a minute each
    pytest.mark.skipif(ASKED not in os.environ, reason="minutes, as root: python -m tests.long --only package"),
]

BRIDGE = "/etc/smsbridge/bridge.toml"
DROP_INS = built.SYSTEMD / "drop-ins"
TOKEN = secrets.token_hex(16)
ASKS_PROVIDER = (
    "python3",
    "-c",
    "import urllib.request as web; print(web.urlopen('http://127.0.0.1:8091/messages').read().decode())",
)


def edit(machine: Machine, *changes: tuple[str, str], name: str = BRIDGE) -> None:
    """Each old text stands once in the file and becomes the new one."""
    path = machine.file(name)
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def serve_somebody(machine: Machine) -> None:
    """A simulated provider that wants TOKEN, and mail from this machine is believed."""
    simulator = ["smsbridge", "simulator", "--token", TOKEN]
    machine.run("systemd-run", "--quiet", "--unit=simulator", "--property=DynamicUser=yes", *simulator)
    machine.until(*ASKS_PROVIDER, says="[")
    edit(
        machine,
        ('url = "https://api.websms.com/rest"', 'url = "http://127.0.0.1:8090/rest"'),
        ("networks = []\n\n# Clients at once;", 'networks = ["127.0.0.0/8"]\n\n# Clients at once;'),
    )


def phone_gets(machine: Machine, text: str) -> None:
    """Waits until the provider has taken an SMS with it."""
    machine.until(*ASKS_PROVIDER, says=text)


def test_the_service_runs_after_the_installation_and_serves_nobody(machine: Machine) -> None:
    machine.run("systemctl", "is-active", "smsbridge.service")
    machine.run("systemctl", "is-enabled", "smsbridge.service")
    assert machine.try_("systemctl", "is-enabled", "smsbridge.socket").stdout.strip() == "disabled"
    assert "queued" in machine.unit("StatusText")["StatusText"]
    assert machine.web("http://127.0.0.1:8081/healthz") is not None
    checked = machine.try_("smsbridge", "check")
    assert checked.returncode == 0
    assert "holds a comment and no token" in checked.stderr
    assert machine.mail().startswith("550 5.7.1")


def test_nobody_else_may_read_the_configuration_and_the_spool(machine: Machine) -> None:
    user = int(machine.run("id", "-u", "smsbridge"))
    group = int(machine.run("id", "-g", "smsbridge"))
    for name, owner, mode in (
        ("/etc/smsbridge", 0, 0o750),
        (BRIDGE, 0, 0o640),
        ("/etc/smsbridge/websms-token", 0, 0o640),
        ("/etc/smsbridge/webhook-secret", 0, 0o640),
        ("/var/lib/smsbridge", user, 0o700),
        ("/var/lib/smsbridge/smsbridge.db", user, 0o600),
        ("/var/lib/smsbridge/smsbridge.key", user, 0o600),
    ):
        found = machine.file(name).stat()
        assert (name, found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (name, owner, group, mode)


def test_the_process_has_no_right_that_it_does_not_need(machine: Machine) -> None:
    pid = machine.unit("MainPID")["MainPID"]
    status = dict(line.partition(":\t")[::2] for line in machine.run("cat", f"/proc/{pid}/status").splitlines())
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    inside = ["nsenter", f"--target={pid}", "--mount", "--"]
    for path in ("/etc/smsbridge", "/usr/lib/smsbridge", "/var/lib"):
        assert "Read-only" in machine.try_(*inside, "touch", f"{path}/mine").stderr
    assert machine.try_(*inside, "ls", "/root").stdout == ""
    assert "max core file size" in (limits := machine.run("cat", f"/proc/{pid}/limits").lower())
    assert re.search(r"max core file size\s+0\s+0", limits)


def test_a_mail_reaches_a_phone_with_a_token_of_the_credential_store(machine: Machine) -> None:
    serve_somebody(machine)
    store = machine.file("/etc/credstore")
    store.mkdir(mode=0o700)
    (store / "smsbridge.websms-token").write_text(TOKEN)
    machine.run("systemctl", "restart", "smsbridge.service")
    assert machine.mail(text="By credential").startswith("250 2.0.0")
    phone_gets(machine, "By credential")
    pid = machine.unit("MainPID")["MainPID"]
    for told in ("environ", "cmdline"):
        assert TOKEN not in machine.run("cat", f"/proc/{pid}/{told}")
    assert TOKEN not in machine.journal() + machine.run("systemctl", "show", "smsbridge.service")


def test_a_credential_that_is_encrypted(machine: Machine) -> None:
    serve_somebody(machine)
    machine.run("install", "--directory", "--mode=700", "/etc/credstore.encrypted")
    kept = "/etc/credstore.encrypted/smsbridge.websms-token"
    machine.run("systemd-creds", "encrypt", "--with-key=host", "--name=websms-token", "-", kept, given=TOKEN)
    assert TOKEN.encode() not in machine.file(kept).read_bytes()
    machine.drop_in((DROP_INS / "encrypted-credentials.conf").read_text())
    machine.run("systemctl", "restart", "smsbridge.service")
    assert machine.mail(text="By a secret").startswith("250 2.0.0")
    phone_gets(machine, "By a secret")


def test_reload_takes_the_new_configuration_and_keeps_the_old_one_where_that_is_wrong(machine: Machine) -> None:
    pid = machine.unit("MainPID")["MainPID"]
    routes = "/etc/smsbridge/routes.toml"
    edit(machine, ('"anna@sms', '"berta@sms'), name=routes)
    machine.run("systemctl", "reload", "smsbridge.service")
    machine.until("journalctl", "--unit=smsbridge.service", says='"event":"reloaded"')
    assert machine.mail(to="anna@sms.example.com").startswith("550 5.1.1")
    edit(machine, ('"berta@sms', '"nowhere'), name=routes)
    machine.run("systemctl", "reload", "smsbridge.service")
    machine.until("journalctl", "--unit=smsbridge.service", says="nowhere")
    assert machine.mail(to="berta@sms.example.com").startswith("550 5.7.1")
    assert machine.unit("MainPID", "ActiveState") == {"MainPID": pid, "ActiveState": "active"}


def test_the_watchdog_starts_a_process_again_that_stands_still(machine: Machine) -> None:
    machine.drop_in("[Service]\nWatchdogSec=2\nRestartSec=2s\n")
    machine.run("systemctl", "restart", "smsbridge.service")
    pid = machine.unit("MainPID")["MainPID"]
    machine.run("systemctl", "kill", "--kill-who=main", "--signal=STOP", "smsbridge.service")
    machine.until("systemctl", "show", "smsbridge.service", "--property=Result", says="=watchdog")
    machine.until("systemctl", "show", "smsbridge.service", "--property=NRestarts", says="=1")
    machine.until("systemctl", "show", "smsbridge.service", "--property=StatusText", says="queued")
    assert machine.unit("MainPID")["MainPID"] != pid


def test_systemd_never_gives_up(machine: Machine) -> None:
    machine.drop_in("[Service]\nRestartSec=10ms\n")
    machine.run("systemctl", "restart", "smsbridge.service")
    for restarts in range(1, 9):  # by default systemd would stop after five
        machine.run("systemctl", "kill", "--signal=KILL", "smsbridge.service")
        machine.until("systemctl", "show", "smsbridge.service", "--property=NRestarts", says=f"={restarts}")
        machine.until("systemctl", "show", "smsbridge.service", "--property=ActiveState", says="=active")


def test_a_wrong_configuration_stays_down_and_the_status_says_why(machine: Machine) -> None:
    edit(machine, ('country = "AT"', 'country = "Austria"'))
    assert machine.try_("systemctl", "restart", "smsbridge.service").returncode != 0
    assert machine.unit("ExecMainStatus", "NRestarts", "ActiveState") == {
        "ExecMainStatus": "78",
        "NRestarts": "0",
        "ActiveState": "failed",
    }
    assert "country" in machine.try_("systemctl", "status", "--no-pager", "--full", "smsbridge.service").stdout


def test_the_socket_opens_ports_25_and_587_and_starts_the_service(machine: Machine) -> None:
    machine.run("systemctl", "stop", "smsbridge.service")
    machine.run("systemctl", "start", "smsbridge.socket")
    assert machine.try_("systemctl", "is-active", "smsbridge.service").stdout.strip() == "inactive"
    assert machine.mail(25).startswith("550 5.7.1")
    machine.run("systemctl", "is-active", "smsbridge.service")
    # A restart refuses no connection: who comes meanwhile waits in the socket.
    machine.run("systemctl", "restart", "--no-block", "smsbridge.service")
    for _ in range(5):
        assert machine.mail(587).startswith("550 5.7.1")
    machine.until("systemctl", "show", "smsbridge.service", "--property=ActiveState", says="=active")
    assert machine.unit("Result")["Result"] == "success"


def test_ports_without_the_socket(machine: Machine) -> None:
    edit(machine, ('listen = ["127.0.0.1:8025"]', 'listen = ["127.0.0.1:25"]'))
    machine.drop_in((DROP_INS / "ports-without-socket.conf").read_text())
    machine.run("systemctl", "restart", "smsbridge.service")
    assert machine.mail(25).startswith("550 5.7.1")


@pytest.mark.parametrize("name", ["postgresql", "addresses", "alarm"])
def test_the_service_runs_with_the_other_examples(machine: Machine, name: str) -> None:
    machine.drop_in((DROP_INS / f"{name}.conf").read_text())
    machine.run("systemctl", "restart", "smsbridge.service")
    assert machine.mail().startswith("550 5.7.1")


def test_it_stops_in_time_while_somebody_talks(machine: Machine) -> None:
    talks = "import socket, time; s = socket.create_connection(('127.0.0.1', 8025)); print(s.recv(99)); time.sleep(600)"
    machine.run("systemd-run", "--quiet", "--unit=talker", "python3", "-uc", talks)
    machine.until("journalctl", "--unit=talker", says="220 ")
    machine.run("systemctl", "stop", "smsbridge.service")
    assert machine.unit("Result", "ExecMainStatus", "ActiveState") == {
        "Result": "success",
        "ExecMainStatus": "0",
        "ActiveState": "inactive",
    }
    machine.run("systemctl", "stop", "talker.service")


def test_an_upgrade_keeps_the_queue_and_the_configuration(machine: Machine) -> None:
    serve_somebody(machine)
    machine.run("systemctl", "stop", "simulator.service")
    machine.run("install", "--mode=640", "--group=smsbridge", "/dev/stdin", "/etc/smsbridge/websms-token", given=TOKEN)
    machine.run("systemctl", "restart", "smsbridge.service")
    code, _, queued = machine.mail(text="Before the upgrade").partition(" queued as ")
    assert code == "250 2.0.0"
    kept = ["--yes", "--option=Dpkg::Options::=--force-confold"]
    machine.run("apt-get", "install", *kept, "/mnt/smsbridge-99.deb")
    assert machine.run("smsbridge", "--version").split()[-1] == "99.0"
    machine.run("systemctl", "is-active", "smsbridge.service")
    assert '"version":"99.0"' in machine.journal().replace(": ", ":")
    assert 'networks = ["127.0.0.0/8"]' in machine.file(BRIDGE).read_text()
    assert "A remark of version 99.0" in machine.file(f"{BRIDGE}.dpkg-dist").read_text()
    assert machine.file("/etc/smsbridge/websms-token").read_text() == TOKEN
    assert queued.split()[0] in machine.run("smsbridge", "queue", "list", "--json")
    found = machine.file(BRIDGE).stat()
    assert stat.S_IMODE(found.st_mode) == 0o640
    # And the SMS goes out once the provider is there.
    machine.run("systemd-run", "--quiet", "--unit=simulator", "smsbridge", "simulator", "--token", TOKEN)
    machine.until(*ASKS_PROVIDER, says="[")
    machine.try_("smsbridge", "queue", "retry", f"{queued.split()[0]}-1")  # which it may be doing by itself just now
    phone_gets(machine, "Before the upgrade")
    machine.run("systemctl", "stop", "simulator.service")


def test_remove_keeps_what_is_kept_and_purge_leaves_nothing(machine: Machine) -> None:
    machine.run("smsbridge", "check")
    machine.run("apt-get", "remove", "--yes", "smsbridge")
    assert machine.try_("systemctl", "is-active", "smsbridge.service").stdout.strip() != "active"
    assert not machine.file("/usr/lib/smsbridge").exists()
    assert not machine.file("/usr/bin/smsbridge").is_symlink()
    for kept in (BRIDGE, "/etc/smsbridge/websms-token", "/var/lib/smsbridge/smsbridge.db"):
        assert machine.file(kept).exists()
    machine.run("apt-get", "purge", "--yes", "smsbridge")
    assert machine.try_("getent", "passwd", "smsbridge").stdout == ""
    assert machine.try_("getent", "group", "smsbridge").stdout == ""
    # The remaining hits are records of apt, dpkg and the journal.
    found = machine.run("find", "/etc", "/usr", "/var", "/run", "/opt", "/srv", "/home", "-name", "*smsbridge*")
    assert [line for line in found.splitlines() if not line.startswith(("/run/systemd/units/", "/var/cache/apt"))] == []
    assert machine.try_("systemctl", "list-unit-files", "--no-legend", "smsbridge*").stdout == ""
