"""The daemon in this process: what it opens and lets go, what a reload may change, when it gives up."""

import asyncio
import io
import os
import signal
import socket

import aiohttp
import apsw
import pytest

from bridge import __version__
from bridge.config import ConfigError
from bridge.daemon import Daemon
from bridge.spool import SpoolLocked
from tests.daemon.conftest import ADDRESS, BRIDGE, ROUTES, House
from tests.wait import PATIENCE, until, until_async

NEW_ROUTE = ROUTES.replace(ADDRESS, "new@sms.example.com")


async def test_it_opens_all_doors_and_closes_them(house: House) -> None:
    daemon = await house.start()
    ports = [port for opened in daemon.ports.values() for port in opened]
    assert sorted(daemon.ports) == ["console", "smtpd", "webhook"]
    assert len(set(ports)) == 3
    assert (await house.send()).startswith("250 2.0.0 queued as ")
    await house.stop()
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1)


async def test_what_it_took_is_there_after_a_restart(house: House) -> None:
    await house.start()
    await house.send()
    await house.stop()
    await house.start()
    _, shown = await house.readyz()
    assert shown["queued"] == 1


async def test_the_first_start_makes_a_key_and_the_next_keeps_it(house: House) -> None:
    await house.start()
    (key,) = [path for path in house.place.iterdir() if "key" in path.name]
    made = key.read_bytes()
    assert len(made.strip()) == 64
    assert key.stat().st_mode & 0o777 == 0o600
    await house.stop()
    await house.start()
    assert key.read_bytes() == made


async def test_row_75_a_second_one_is_refused_and_harms_nothing(house: House) -> None:
    await house.start()
    with pytest.raises(SpoolLocked):
        await Daemon(house.config).start()
    assert (await house.send()).startswith("250 ")


async def test_a_wrong_configuration_makes_nothing(house: House) -> None:
    house.write("bridge.toml", BRIDGE + "\n[nonsense]\n")
    with pytest.raises(ConfigError):
        await Daemon(house.config).start()
    assert not house.spool.exists()


async def test_readiness(house: House) -> None:
    await house.start()
    expected = {"ready": True, "queued": 0, "calls": {"sms": 0, "mail": 0}, "paused": {}, "version": __version__}
    expected |= {"reasons": [], "degraded": [], "test": False, "roles": ["smtpd", "webhook", "delivery"]}
    assert await house.readyz() == (200, expected)


@pytest.mark.parametrize("test", [False, True])
async def test_row_64_test_mode_is_shown_at_the_start_and_in_readyz(
    house: House, stream: io.StringIO, test: bool
) -> None:
    house.write("bridge.toml", BRIDGE.replace("[websms]\n", f"[websms]\ntest = {str(test).lower()}\n"))
    daemon = await house.start()
    assert (await house.readyz())[1]["test"] is test
    running = asyncio.create_task(daemon.run())
    await asyncio.sleep(0)  # it says so at once
    (started,) = [line for line in stream.getvalue().splitlines() if " started " in line]
    assert f"test={str(test).lower()}" in started
    os.kill(os.getpid(), signal.SIGTERM)
    assert await ended(house, running)


async def test_row_72_a_spool_that_cannot_be_written_is_not_ready(house: House) -> None:
    """A spool that can be read is not enough: every door would answer 451 and 503."""
    await house.start()
    other = apsw.Connection(str(house.spool))
    other.execute("BEGIN EXCLUSIVE")
    status, shown = await house.readyz()
    assert (status, shown["ready"]) == (503, False)
    assert "spool" in shown["reason"]
    assert (await house.send()).startswith("451 4.3.0 ")
    other.execute("ROLLBACK")
    other.close()
    assert (await house.readyz())[0] == 200
    assert (await house.send()).startswith("250 ")


async def test_a_reload_takes_the_new_table(house: House, stream: io.StringIO) -> None:
    daemon = await house.start()
    assert (await house.rcpt("new@sms.example.com")).startswith("550 5.1.1")
    house.write("routes.toml", NEW_ROUTE)
    await daemon.reload()
    assert (await house.rcpt("new@sms.example.com")).startswith("250 ")
    assert (await house.rcpt()).startswith("550 5.1.1")
    assert stream.getvalue().count("route changed") == 2


WRONG = {
    "a table that is none": {"routes.toml": "[[route]\n"},
    "a key that is unknown": {"bridge.toml": BRIDGE + "\n[nonsense]\nx = 1\n"},
    "a token with letters that no header takes": {"websms-token": "a-tökén-from-a-word-processor\n"},
    "an empty token": {"websms-token": "\n"},
    "a name that Basic cannot say": {
        "bridge.toml": BRIDGE.replace('token_file = "websms-token"', 'username = "a:b"\npassword_file = "websms-token"')
    },
    # A name that looks right and that no library can read: the client raises ValueError when it is made.
    "a host that is no name": {"bridge.toml": BRIDGE.replace("http://127.0.0.1:9/rest", "https://a.xn--0.example")},
    "a certificate that is none": {
        "bridge.toml": BRIDGE.replace(
            "[smtpd]\n", '[smtpd]\ntls_certificate = "routes.toml"\ntls_key = "routes.toml"\n'
        )
    },
}


@pytest.mark.parametrize("files", WRONG.values(), ids=WRONG)
async def test_a_reload_of_wrong_files_changes_nothing(
    house: House, stream: io.StringIO, files: dict[str, str]
) -> None:
    daemon = await house.start()
    right = {name: (house.place / name).read_bytes() for name in ("bridge.toml", "routes.toml", "websms-token")}
    for name, content in {"routes.toml": NEW_ROUTE, **files}.items():
        house.write(name, content)
    await daemon.reload()
    assert "reload refused" in stream.getvalue()
    assert "reloaded" not in stream.getvalue()
    assert (await house.rcpt()).startswith("250 ")
    assert (await house.rcpt("new@sms.example.com")).startswith("550 5.1.1")
    assert (await house.readyz())[0] == 200
    for name, before in right.items():
        house.write(name, before)
    await daemon.reload()
    assert "reloaded" in stream.getvalue()


async def test_a_key_file_that_is_gone_is_no_reason_for_a_new_key(house: House, stream: io.StringIO) -> None:
    """Every token in every mailbox would die with it."""
    daemon = await house.start()
    (key,) = [path for path in house.place.iterdir() if "key" in path.name]
    key.rename(house.place / "away")
    await daemon.reload()
    assert "the key file is gone" in stream.getvalue()
    assert not key.exists()
    assert (await house.send()).startswith("250 ")
    (house.place / "away").rename(key)
    await daemon.reload()
    assert "reloaded" in stream.getvalue()


async def test_a_reload_names_what_waits_for_a_restart(house: House, stream: io.StringIO) -> None:
    daemon = await house.start()
    house.write("bridge.toml", BRIDGE.replace("[websms]\n", "[websms]\nmax_in_flight = 3\n"))
    await daemon.reload()
    assert "websms.max_in_flight was changed and takes effect at the next start" in stream.getvalue()


@pytest.fixture
async def running(house: House) -> "asyncio.Task[bool]":
    """What `run` will say; it stops the daemon itself."""
    daemon = await house.start()
    house.daemons.clear()
    running = asyncio.create_task(daemon.run())
    await asyncio.sleep(0)  # its signals are set at once
    house.daemons.append(daemon)
    return running


async def ended(house: House, running: "asyncio.Task[bool]") -> bool:
    found = await asyncio.wait_for(running, PATIENCE)
    house.daemons.clear()
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_well(house: House, running: "asyncio.Task[bool]", number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    assert await ended(house, running) is True


async def test_sighup_reloads_and_it_goes_on(house: House, running: "asyncio.Task[bool]", stream: io.StringIO) -> None:
    house.write("routes.toml", NEW_ROUTE)
    os.kill(os.getpid(), signal.SIGHUP)

    async def reloaded() -> bool:
        return (await house.rcpt("new@sms.example.com")).startswith("250 ")

    await until_async(reloaded, "the reload")
    house.write("routes.toml", "nonsense")
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: "reload refused" in stream.getvalue(), "the refusal")
    os.kill(os.getpid(), signal.SIGTERM)
    assert await ended(house, running) is True


@pytest.mark.parametrize("how", ["removed", "replaced"])
async def test_without_its_spool_file_it_gives_up(
    house: House, running: "asyncio.Task[bool]", stream: io.StringIO, how: str
) -> None:
    """What it went on to acknowledge would be in a file that nobody finds again."""
    if how == "replaced":
        (house.place / "other").touch()
        (house.place / "other").rename(house.spool)
    else:
        house.spool.unlink()
    assert await ended(house, running) is False
    assert "removed or replaced" in stream.getvalue()


async def test_a_task_that_ends_in_our_own_code_ends_it(
    house: House, running: "asyncio.Task[bool]", stream: io.StringIO
) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    house.daemon._beside.spawn(broken())
    assert await ended(house, running) is False
    assert "ZeroDivisionError" in stream.getvalue()


async def test_the_webhook_takes_an_sms_into_the_mailbox(house: House) -> None:
    daemon = await house.start()
    secret = (house.place / "webhook-secret").read_text().strip()
    body = {
        "messageType": "text",
        "notificationId": "n1",
        "senderAddress": "436600000001",
        "recipientAddress": "436600000099",
        "textMessageContent": "hello back",
    }
    url = f"http://127.0.0.1:{daemon.ports['webhook'][0]}/websms/{secret}"
    async with aiohttp.ClientSession() as client, client.post(url, json=body) as answer:
        assert (await answer.json())["statusCode"] == 2000
    new = house.place / "Maildir" / "new"
    await until(lambda: new.is_dir() and list(new.iterdir()), "the mail")
    (mail,) = new.iterdir()
    assert "hello back" in mail.read_text()
