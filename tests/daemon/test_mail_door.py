"""The mail door's listener: certificates, limits, sockets from systemd, and what a reload changes."""

import asyncio
import base64
import io
import signal
import socket
import ssl
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import trustme
from argon2 import PasswordHasher

from bridge.config import Configuration, Endpoint, SmtpdSettings, User
from bridge.daemon import mail_door
from bridge.smtpd.contract import Reply
from bridge.smtpd.listener import MEMORY, Listener
from tests.config.setup import private
from tests.daemon.conftest import ADDRESS, AUTHOR, BRIDGE, House
from tests.given import configuration
from tests.smtpd.raw import Raw, Recorder
from tests.turns import Turns
from tests.wait import until

HERE = configuration()


def changed(**smtpd: Any) -> Configuration:
    return replace(HERE, settings=replace(HERE.settings, smtpd=SmtpdSettings(**smtpd)))


def pem(place: Path, authority: trustme.CA, name: str = "localhost") -> Path:
    """A file with a certificate and its key."""
    return private(place / f"{name}.pem", authority.issue_cert(name).private_key_and_cert_chain_pem.bytes())


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


def test_the_certificate(tmp_path: Path) -> None:
    assert mail_door.terms(HERE, Recorder()).ssl_context is None
    both = pem(tmp_path, trustme.CA())
    found = mail_door.terms(changed(tls_certificate=both, tls_key=both), Recorder()).ssl_context
    assert found is not None
    assert found.minimum_version is ssl.TLSVersion.TLSv1_2
    assert found.verify_mode is ssl.CERT_NONE
    with pytest.raises(OSError):  # noqa: PT011 - any of them
        mail_door.terms(changed(tls_certificate=tmp_path / "none", tls_key=both), Recorder())


def test_the_terms_of_a_session() -> None:
    policy = Recorder()
    terms = mail_door.terms(changed(max_message_size=5, require_tls=True), policy)
    assert (terms.policy, terms.hostname, terms.require_tls, terms.offers_auth) == (
        policy,
        "mx.example.com",
        True,
        False,
    )
    assert terms.limits.max_message_size == 5


@pytest.mark.parametrize(("hashes", "offered"), [((), False), (("made-up",), True), (("certificate",), False)])
def test_passwords_are_asked_for_only_where_somebody_has_one(hashes: tuple[str, ...], offered: bool) -> None:
    users = {f"u{number}": User(name=f"u{number}", hash=hash_) for number, hash_ in enumerate(hashes)}
    assert mail_door.terms(replace(HERE, users=MappingProxyType(users)), Recorder()).offers_auth is offered


def test_the_limits_of_the_configuration_reach_the_listener_at_start_and_reload() -> None:
    async def opened(settings: Configuration) -> Listener:
        return await mail_door.open_listener(settings, Recorder(), {})

    async def run() -> None:
        nowhere = (Endpoint(host="127.0.0.1", port=0),)
        networks = (ip_network("192.0.2.0/24"),)
        listener = await opened(changed(listen=nowhere))
        assert (listener.total, listener.per_address, listener.room.limit) == (200, 20, MEMORY)
        new = changed(
            max_connections=30, max_connections_per_address=3, max_message_size=16 * 1024**2, networks=networks
        )
        mail_door.renew(listener, new, mail_door.terms(new, Recorder()), processes=1)
        assert (listener.total, listener.per_address, listener.room.limit) == (30, 3, 128 * 1024**2)
        assert listener.trusted == networks
        assert listener.terms.limits.max_message_size == 16 * 1024**2
        await listener.drain(1)

    asyncio.run(run())


@pytest.mark.parametrize(("processes", "total", "per_address"), [(1, 7, 5), (2, 4, 5), (3, 3, 5), (64, 1, 5)])
def test_each_of_several_processes_has_its_part(processes: int, total: int, per_address: int) -> None:
    # As many as there are, whatever the configuration says of the next start.
    given = changed(max_connections=7, max_connections_per_address=5, max_message_size=16 * 1024**2)

    async def run() -> None:
        terms = mail_door.terms(given, Recorder())
        listener = mail_door.make_listener(given, terms, processes=processes)
        assert (listener.total, listener.per_address) == (total, per_address)
        assert listener.room.limit == max(128 * 1024**2 // processes, 2 * 16 * 1024**2)
        mail_door.renew(listener, HERE, terms, processes=processes)
        assert listener.total == -(-200 // processes)

    asyncio.run(run())


class Noting(Recorder):
    """Notes in which turn of the loop each mail is read."""

    turns: Turns

    async def data(self, *given: Any) -> Reply:
        self.turns.note()
        return await super().data(*given)


async def test_one_of_several_processes_reads_mails_by_slices() -> None:
    policy = Noting()
    listener = mail_door.make_listener(HERE, mail_door.terms(HERE, policy), processes=2)
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    clients = [await Raw.greeted(listener.ports[0]) for _ in range(16)]
    for client in clients:
        await client.envelope()
        assert (await client.say("DATA")).startswith("354 ")
    with Turns() as policy.turns:
        for client in clients:
            client.writer.write(b"Subject: Alarm\r\n\r\n.\r\n")
        assert all([(await client.reply()).startswith("250 ") for client in clients])
    assert policy.turns.noted.total() == 16
    assert policy.turns.most <= 6
    await listener.drain(1.0)
    for client in clients:
        await client.close()


@pytest.mark.parametrize(
    ("name", "entries", "expected"),
    [
        ("smtp", (), Endpoint(host="127.0.0.1", port=0)),
        ("submission", (), Endpoint(host="127.0.0.1", port=0)),
        ("smtps", (), Endpoint(host="127.0.0.1", port=0, mode="implicit")),
        ("smtp", ({"host": "0.0.0.0", "mode": "plain"},), Endpoint(host="0.0.0.0", port=0, mode="plain")),  # noqa: S104
        (
            "smtp",
            ({"host": "0.0.0.0", "mode": "plain"}, {"host": "127.0.0.1", "proxy": (ip_network("192.0.2.7"),)}),  # noqa: S104
            Endpoint(host="127.0.0.1", port=0, proxy=(ip_network("192.0.2.7"),)),
        ),
        ("smtps", ({"host": "127.0.0.1", "port": 1, "mode": "plain"},), Endpoint(host="", port=0, mode="implicit")),
    ],
)
async def test_a_socket_from_systemd_is_served_as_the_entry_with_its_port_says(
    name: str, entries: tuple[dict[str, Any], ...], expected: Endpoint
) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    listen = tuple(Endpoint(**({"port": port} | entry)) for entry in entries)
    found = mail_door._endpoint(sock, listen, mail_door.SOCKET_MODES[name])
    assert (found.mode, found.proxy) == (expected.mode, expected.proxy)
    listener = await mail_door.open_listener(changed(listen=listen), Recorder(), {name: [sock]})
    assert listener.ports == [port], "and nothing else is listened on"
    await listener.drain(1)


async def test_a_socket_of_another_kind_from_systemd(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "smtp"))
        assert mail_door._endpoint(sock, (Endpoint(host="::", port=0),), "starttls").mode == "starttls"


# Through the whole daemon.

TLS = '[smtpd]\ntls_certificate = "localhost.pem"\ntls_key = "localhost.pem"\n'


async def test_row_125_sessions_under_way_go_on_and_new_ones_see_the_new_certificate(house: House) -> None:
    old, new = trustme.CA(), trustme.CA()
    pem(house.place, old)
    house.write("bridge.toml", BRIDGE.replace("[smtpd]\n", TLS))
    await house.start()
    under_way = await house.smtp()
    await under_way.start_tls(trusting(old))
    await under_way.say("EHLO x")
    await under_way.say(f"MAIL FROM:<{AUTHOR}>")
    undecided = await house.smtp()
    pem(house.place, new)
    await house.daemon.reload()
    await undecided.start_tls(trusting(old))
    fresh = await house.smtp()
    await fresh.start_tls(trusting(new))
    assert (await under_way.say("RCPT TO:<anna@sms.example.com>")).startswith("250 ")
    assert (await under_way.say("DATA")).startswith("354 ")
    assert (await under_way.say("\r\nhello\r\n.")).startswith("250 ")
    for client in (under_way, undecided, fresh):
        assert (await client.say("EHLO x")).startswith("250-mx.example.com\n")
        await client.close()


async def test_row_125_a_wrong_certificate_changes_nothing(house: House, stream: io.StringIO) -> None:
    old = trustme.CA()
    file = pem(house.place, old)
    house.write("bridge.toml", BRIDGE.replace("[smtpd]\n", TLS))
    await house.start()
    file.write_text(file.read_text()[:200])
    await house.daemon.reload()
    assert "reload refused" in stream.getvalue()
    client = await house.smtp()
    await client.start_tls(trusting(old))
    await client.close()


async def test_limits_change_with_sighup(house: House) -> None:
    house.write("bridge.toml", BRIDGE.replace('networks = ["127.0.0.0/8"]', "max_connections_per_address = 1"))
    daemon = await house.start()
    running = asyncio.create_task(daemon.run())
    await asyncio.sleep(0)  # its signals are set at once
    first = await house.smtp()
    second = await Raw.connect(daemon.ports["smtpd"][0])
    assert (await second.rest()).startswith(b"421 4.7.0 too many connections")
    house.write("bridge.toml", BRIDGE.replace('networks = ["127.0.0.0/8"]', "max_connections_per_address = 2"))
    signal.raise_signal(signal.SIGHUP)
    listener = daemon._doors.mail
    assert listener is not None
    await until(lambda: listener.per_address == 2)
    third = await house.smtp()
    for client in (first, second, third):
        await client.close()
    signal.raise_signal(signal.SIGTERM)
    assert await running is True
    house.daemons.clear()


@pytest.mark.parametrize("believed", ["authority", "very certificate"])
async def test_row_40_a_client_certificate_logs_in_through_the_whole_door(house: House, believed: str) -> None:
    """In `client_ca` may stand who gave the certificates, or the certificates themselves."""
    ours, theirs = trustme.CA(), trustme.CA()
    pem(house.place, ours)
    device = theirs.issue_cert(AUTHOR)
    house.write("ca.pem", (theirs.cert_pem if believed == "authority" else device.cert_chain_pems[0]).bytes())
    house.write("users", f"{AUTHOR}:certificate:{AUTHOR}\n")
    listen = '[smtpd]\nusers_file = "users"\nlisten = [{ address = "127.0.0.1:0", client_ca = "ca.pem" }]\n'
    without = BRIDGE.replace('listen = ["127.0.0.1:0"]\nnetworks = ["127.0.0.0/8"]\n', "", 1)
    house.write("bridge.toml", without.replace("[smtpd]\n", TLS.replace("[smtpd]\n", listen)))
    await house.start()
    context = trusting(ours)
    device.configure_cert(context)
    for certified, answer in ((True, "250 "), (False, "550 ")):
        client = await house.smtp()
        await client.start_tls(context if certified else trusting(ours))
        assert ("AUTH EXTERNAL" in await client.say("EHLO x")) is certified
        assert (await client.say(f"MAIL FROM:<{AUTHOR}>")).startswith("250 ")
        assert (await client.say("RCPT TO:<anna@sms.example.com>")).startswith(answer)
        await client.close()


@pytest.mark.parametrize("change", ["removed", "new password"])
async def test_a_reload_ends_the_logins_of_users_who_were_removed_or_changed(house: House, change: str) -> None:
    """Whoever stole a password may be logged in, and would be for as long as he keeps talking."""
    authority = trustme.CA()
    pem(house.place, authority)
    hashing = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    lines = {name: f"{name}:{hashing.hash('sesame')}:{name}@example.org\n" for name in ("bernd", "anna")}
    house.write("users", "".join(lines.values()))
    section = TLS + 'users_file = "users"\n'
    house.write("bridge.toml", BRIDGE.replace("[smtpd]\n", section).replace('networks = ["127.0.0.0/8"]\n', "", 1))
    daemon = await house.start()
    clients = []
    for name in lines:
        client = await house.smtp()
        await client.start_tls(trusting(authority))
        await client.say("EHLO x")
        login = base64.b64encode(f"\0{name}\0sesame".encode()).decode()
        assert (await client.say(f"AUTH PLAIN {login}")).startswith("235 ")
        await client.envelope(f"{name}@example.org", ADDRESS)
        clients.append(client)
    bernd, anna = clients
    lines["bernd"] = "" if change == "removed" else f"bernd:{hashing.hash('another')}:bernd@example.org\n"
    house.write("users", "".join(lines.values()))
    await daemon.reload()
    assert (await bernd.say("DATA")).startswith("421 4.7.0 ")
    assert (await anna.say("DATA")).startswith("354 ")
    assert (await anna.say("\r\nhello\r\n.")).startswith("250 ")
    for client in clients:
        await client.close()
