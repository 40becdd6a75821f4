"""swaks against the real daemon: in the clear, STARTTLS, implicit TLS, logins, and every way in which these fail."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.simulator import Simulator
from tests.flows.relays import haproxy, missing
from tests.flows.rig import ADDRESS, ANNA, BERND, Bridge, running
from tests.flows.secured import HOSTNAME, MailDoor, Papers, User

LOOPBACK = "127.0.0.0/8"
PANEL = User(name="panel", password=secrets.token_hex(12), addresses=(ANNA,))
TLS = {"starttls": "--tls", "implicit": "--tls-on-connect"}
BOTH = pytest.mark.parametrize("mode", TLS)

# Its exit codes, as its manual lists them.
REFUSED_SENDER, REFUSED_RECIPIENT, NO_LOGIN, NO_TLS = 23, 24, 28, 29


@asynccontextmanager
async def behind(door: MailDoor, place: Path) -> AsyncIterator[tuple[Bridge, Simulator]]:
    """A bridge with this door, and its phones."""
    async with running(place, start=False) as (bridge, simulator):
        door.of(bridge)
        bridge.start()
        await bridge.ready()
        yield bridge, simulator


async def swaks(bridge: Bridge, *options: str, sender: str = ANNA, to: str = ADDRESS) -> tuple[int | None, str]:
    """Send one mail: exit code, and the conversation. Later options win."""
    program = shutil.which("swaks")
    if program is None:
        missing("swaks is not installed")
    process = await asyncio.create_subprocess_exec(
        program,
        *("--server", "127.0.0.1", "--port", str(bridge.port("smtp")), "--helo", "panel.example.org"),
        *("--from", sender, "--to", to, "--h-Subject", "", "--body", "Hallo", *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode("utf-8", "replace")


def login(mechanism: str = "PLAIN", user: User = PANEL) -> list[str]:
    """Options to log in."""
    return ["--auth", mechanism, "--auth-user", user.name, "--auth-password", user.password]


def verified(papers: Papers, name: str = HOSTNAME) -> list[str]:
    """Options to insist on a certificate of this name."""
    return ["--tls-verify", "--tls-ca-path", str(papers.authority), "--tls-sni", name]


async def texts(bridge: Bridge, simulator: Simulator) -> list[str]:
    """What came to phones, once all is quiet."""
    await bridge.drained()
    return [message.text or "" for message in simulator.messages]


@pytest.mark.parametrize("options", [[], ["--pipeline"], ["--protocol", "SMTP"]], ids=["esmtp", "pipelined", "helo"])
async def test_a_trusted_device_sends_in_the_clear(tmp_path: Path, options: list[str]) -> None:
    async with behind(MailDoor(networks=(LOOPBACK,)), tmp_path) as (bridge, simulator):
        code, said = await swaks(bridge, *options)
        assert code == 0, said
        assert await texts(bridge, simulator) == ["Hallo"]


async def test_an_old_device_says_helo_to_its_own_listener(tmp_path: Path) -> None:
    async with behind(MailDoor(mode="legacy", networks=(LOOPBACK,)), tmp_path) as (bridge, simulator):
        code, said = await swaks(bridge, "--protocol", "SMTP")
        assert code == 0, said
        assert await texts(bridge, simulator) == ["Hallo"]


async def test_who_is_not_proven_is_refused(tmp_path: Path) -> None:
    async with behind(MailDoor(), tmp_path) as (bridge, simulator):
        code, said = await swaks(bridge)
        assert code == REFUSED_RECIPIENT, said
        assert "550 5.7.1 this sender is not proven here" in said
        assert await texts(bridge, simulator) == []


@BOTH
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
async def test_row_36_a_login_over_tls(tmp_path: Path, mode: str, mechanism: str) -> None:
    papers = Papers(tmp_path)
    door = MailDoor(mode=mode, papers=papers, users=(PANEL,), settings={"require_tls": True})
    async with behind(door, tmp_path) as (bridge, simulator):
        code, said = await swaks(bridge, TLS[mode], *verified(papers), *login(mechanism))
        assert code == 0, said
        assert await texts(bridge, simulator) == ["Hallo"]
        assert PANEL.password not in bridge.log


@BOTH
async def test_what_a_login_may_not_do(tmp_path: Path, mode: str) -> None:
    door = MailDoor(mode=mode, papers=Papers(tmp_path), users=(PANEL,), settings={"require_tls": True})
    async with behind(door, tmp_path) as (bridge, simulator):
        code, said = await swaks(bridge, TLS[mode], *login(), sender=BERND)
        assert code == REFUSED_SENDER, said
        assert "553 5.7.1 this login may not use that sender address" in said

        code, said = await swaks(bridge, TLS[mode])
        assert code == REFUSED_RECIPIENT, said
        assert "550 5.7.1 " in said

        wrong = User(name=PANEL.name, password="not-the-one", addresses=())
        code, said = await swaks(bridge, TLS[mode], *login(user=wrong))
        assert code == NO_LOGIN, said
        assert "535 5.7.8 " in said
        assert wrong.password not in bridge.log

        assert await texts(bridge, simulator) == []


async def test_row_35_no_login_and_no_mail_before_starttls(tmp_path: Path) -> None:
    door = MailDoor(papers=Papers(tmp_path), users=(PANEL,), settings={"require_tls": True})
    async with behind(door, tmp_path) as (bridge, simulator):
        code, said = await swaks(bridge, *login())
        assert code == NO_LOGIN, said
        assert "AUTH" not in said.replace("*** Host did not advertise authentication", ""), "it is not even offered"

        code, said = await swaks(bridge)
        assert code == REFUSED_SENDER, said
        assert "530 5.7.0 " in said
        assert await texts(bridge, simulator) == []


async def test_a_client_that_insists_on_tls_goes_away_without_it(tmp_path: Path) -> None:
    async with behind(MailDoor(networks=(LOOPBACK,)), tmp_path) as (bridge, simulator):
        code, said = await swaks(bridge, "--tls")
        assert code == NO_TLS, said
        code, said = await swaks(bridge, "--tls-optional")
        assert code == 0, said
        assert await texts(bridge, simulator) == ["Hallo"]


@BOTH
async def test_a_client_that_does_not_believe_us_sends_nothing(tmp_path: Path, mode: str) -> None:
    (tmp_path / "other").mkdir()
    other = Papers(tmp_path / "other")
    door = MailDoor(mode=mode, papers=Papers(tmp_path), users=(PANEL,))
    async with behind(door, tmp_path) as (bridge, simulator):
        code, said = await swaks(bridge, TLS[mode], *verified(other), *login())
        assert code == NO_TLS, said
        assert await texts(bridge, simulator) == []


@pytest.mark.parametrize("version", ["tlsv1_2", "tlsv1_3"])
async def test_the_versions_of_tls(tmp_path: Path, version: str) -> None:
    door = MailDoor(papers=Papers(tmp_path), networks=(LOOPBACK,))
    async with behind(door, tmp_path) as (bridge, simulator):
        code, said = await swaks(bridge, "--tls", "--tls-protocol", version)
        assert code == 0, said
        assert await texts(bridge, simulator) == ["Hallo"]


@pytest.mark.parametrize(
    "to", ["phone@example.net", "phone%example.net@sms.example.com", "example.net!x@sms.example.com"]
)
async def test_row_21_nothing_is_relayed(tmp_path: Path, to: str) -> None:
    async with behind(MailDoor(networks=(LOOPBACK,)), tmp_path) as (bridge, simulator):
        code, said = await swaks(bridge, to=to)
        assert code == REFUSED_RECIPIENT, said
        assert " 550 5." in said
        assert await texts(bridge, simulator) == []


@BOTH
async def test_a_client_certificate_is_a_login(tmp_path: Path, mode: str) -> None:
    papers = Papers(tmp_path)
    alarm = User(name="alarm.example.org", addresses=(ANNA,))
    door = MailDoor(mode=mode, papers=papers, users=(alarm,), listener={"client_ca": str(papers.authority)})
    async with behind(door, tmp_path) as (bridge, simulator):
        issued = {name: papers.issue(name) for name in (alarm.name, "other.example.org")}
        for name, sender, expected in (
            (alarm.name, ANNA, 0),
            (alarm.name, BERND, REFUSED_SENDER),
            ("other.example.org", ANNA, REFUSED_RECIPIENT),
        ):
            shown = ["--tls-cert", str(issued[name][0]), "--tls-key", str(issued[name][1])]
            code, said = await swaks(bridge, TLS[mode], *shown, sender=sender)
            assert code == expected, said
        assert await texts(bridge, simulator) == ["Hallo"]


@pytest.mark.parametrize("header", ["send-proxy", "send-proxy-v2"])
async def test_row_30_behind_haproxy_the_clients_own_address_counts(tmp_path: Path, header: str) -> None:
    door = MailDoor(papers=Papers(tmp_path), networks=("127.0.0.5/32",), listener={"proxy": ["127.0.0.1/32"]})
    async with (
        behind(door, tmp_path) as (bridge, simulator),
        haproxy(bridge.port("smtp"), header) as port,
    ):
        for address, expected in (("127.0.0.5", 0), ("127.0.0.6", REFUSED_RECIPIENT)):
            for tls in ([], ["--tls"]):
                code, said = await swaks(bridge, "--port", str(port), "--local-interface", address, *tls)
                assert code == expected, said
        assert await texts(bridge, simulator) == ["Hallo"] * 2
