"""Client certificates: whose names count, what a login by one may do, and who is not even let in."""

import asyncio
import io
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from bridge.config.settings import Endpoint
from bridge.smtpd.certificates import names_in
from bridge.smtpd.contract import Reply
from tests.smtpd.login import NAME, PASSWORD, PLAIN, b64
from tests.smtpd.raw import Raw, Recorder, Rig
from tests.wait import until

CA = Path("devices.pem")  # only a name here: the contexts below are made by hand
USER = "anna@example.org"


@pytest.mark.parametrize(
    ("certificate", "names"),
    [
        (None, ()),
        ({}, ()),
        ({"subject": ((("commonName", "panel"),),)}, ("panel",)),
        ({"subject": ((("organizationName", "x"), ("commonName", "a")), (("commonName", "b"),))}, ("a", "b")),
        (
            {
                "subject": ((("commonName", "panel"),),),
                "subjectAltName": (("DNS", "a.example.org"), ("email", "a@example.org"), ("DNS", "b.example.org")),
            },
            ("a@example.org", "a.example.org", "b.example.org"),
        ),
        ({"subject": ((("commonName", "panel"),),), "subjectAltName": (("URI", "urn:x"),)}, ("panel",)),
        ({"subject": ((("emailAddress", "a@example.org"),),)}, ()),
    ],
)
def test_the_names_of_a_certificate(certificate: dict[str, Any] | None, names: tuple[str, ...]) -> None:
    assert names_in(certificate) == names


@dataclass(frozen=True)
class Devices:
    """A server that asks for certificates, and the authority it believes."""

    server: ssl.SSLContext
    authority: trustme.CA
    house: trustme.CA  # of the server's certificate

    def client(self, *identities: str, authority: trustme.CA | None = None, **more: Any) -> ssl.SSLContext:
        """A client with a certificate; without `identities` it has none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.house.configure_trust(context)
        if identities or more:
            (authority or self.authority).issue_cert(*identities, **more).configure_cert(context)
        return context

    def rig(self, *users: str, passwords: dict[bytes, bytes] | None = None, mode: str = "starttls", **more: Any) -> Rig:
        policy = Recorder(users=passwords or {}, certified_users=set(users))
        endpoints = [Endpoint(host="127.0.0.1", port=0, mode=mode, client_ca=CA)]
        return Rig(policy, endpoints=endpoints, asking={CA: self.server}, context=self.server, **more)


@pytest.fixture(scope="module")
def devices() -> Devices:
    house, authority = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    house.issue_cert("localhost").configure_cert(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    authority.configure_trust(context)
    return Devices(context, authority, house)


async def arrived(rig: Rig, context: ssl.SSLContext, mode: str) -> tuple[Raw, str]:
    """A client under TLS and what EHLO was answered."""
    client = await rig.client(context if mode == "implicit" else None)
    await client.reply()
    if mode == "starttls":
        await client.say("EHLO x")
        await client.start_tls(context)
    return client, await client.say("EHLO x")


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
async def test_row_40_a_certificate_logs_in(devices: Devices, mode: str) -> None:
    async with devices.rig(USER, mode=mode) as rig:
        client, offered = await arrived(rig, devices.client(USER), mode)
        assert offered.endswith("250 AUTH EXTERNAL"), "and no password can help where nobody has one"
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
        assert (await client.say("MAIL FROM:<b@example.org>")).startswith("250 ")
        assert (await client.say("RSET")).startswith("250 ")
        assert await client.say("AUTH EXTERNAL =") == "235 2.7.0 Authentication successful"
        assert (await client.say("AUTH EXTERNAL =")).startswith("503 5.5.1 ")
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
    for mail in rig.policy.taken:
        assert (mail.peer.user, mail.peer.certificate) == (USER, (USER,))


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["AUTH external " + b64(USER.encode())], "235 2.7.0"),
        (["AUTH EXTERNAL " + b64(b"Anna@Example.org")], "235 2.7.0"),
        (["AUTH EXTERNAL", ""], "235 2.7.0"),
        (["AUTH EXTERNAL", b64(USER.encode())], "235 2.7.0"),
        (["AUTH EXTERNAL", "*"], "501 5.7.0"),
        (["AUTH EXTERNAL !!!"], "501 5.5.2"),
        (["AUTH EXTERNAL = ="], "501 5.5.2"),
        (["AUTH EXTERNAL " + b64(b"bernd@example.org")], "535 5.7.8"),
        (["AUTH PLAIN " + PLAIN], "504 5.5.4"),
    ],
)
async def test_the_exchange_of_external(devices: Devices, lines: list[str], answer: str) -> None:
    async with devices.rig(USER, mode="implicit") as rig:
        client, _ = await arrived(rig, devices.client(USER), "implicit")
        for line in lines[:-1]:
            assert (await client.say(line)).startswith("334 ")
        assert (await client.say(lines[-1])).startswith(answer + " ")
        await client.mail(b"Hi\r\n.\r\n")
    assert rig.policy.taken[0].peer.user == USER, "the certificate stays what it is"


async def test_who_has_a_certificate_may_still_use_a_password_once(devices: Devices) -> None:
    async with devices.rig(USER, passwords={NAME: PASSWORD}, mode="implicit") as rig:
        client, offered = await arrived(rig, devices.client(USER), "implicit")
        assert offered.endswith("250 AUTH PLAIN LOGIN EXTERNAL")
        assert (await client.say("AUTH PLAIN " + PLAIN)).startswith("235 ")
        assert (await client.say("AUTH PLAIN " + PLAIN)).startswith("503 ")
        assert (await client.say("AUTH EXTERNAL =")).startswith("503 ")
        await client.mail(b"Hi\r\n.\r\n")
    peer = rig.policy.taken[0].peer
    assert peer.user == NAME.decode()


async def test_without_a_certificate_everything_is_as_elsewhere(devices: Devices) -> None:
    async with devices.rig(USER, passwords={NAME: PASSWORD}, mode="implicit") as rig:
        client, offered = await arrived(rig, devices.client(), "implicit")
        assert offered.endswith("250 AUTH PLAIN LOGIN")
        assert (await client.say("AUTH EXTERNAL =")).startswith("504 5.5.4 ")
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
        assert (await client.say("AUTH PLAIN " + PLAIN)).startswith("235 ")
        await client.mail(b"Hi\r\n.\r\n")
    before, after = (mail.peer for mail in rig.policy.taken)
    assert (before.user, before.certificate) == (None, ())
    assert after.user == NAME.decode()


async def test_a_certificate_of_nobody_is_no_login(devices: Devices) -> None:
    async with devices.rig(USER, mode="implicit") as rig:
        client, offered = await arrived(rig, devices.client("bernd@example.org"), "implicit")
        assert "AUTH" not in offered
        assert (await client.say("AUTH EXTERNAL =")).startswith("502 5.5.1 ")
        await client.mail(b"Hi\r\n.\r\n")
    peer = rig.policy.taken[0].peer
    assert (peer.user, peer.certificate) == (None, ("bernd@example.org",))


async def test_row_40_a_certificate_that_no_known_authority_gave_is_refused(devices: Devices) -> None:
    async with devices.rig(USER, mode="implicit") as rig:
        context = devices.client(USER, authority=trustme.CA())
        client = None
        try:
            client = await rig.client(context)
            assert await client.rest() == b""
        except OSError:  # ssl.SSLError: with TLS 1.3 it comes with the first read, else with the handshake
            assert client is None
        await until(lambda: not rig.listener.sessions)
    assert not rig.policy.peers


async def test_elsewhere_nobody_is_asked_for_a_certificate(devices: Devices) -> None:
    policy = Recorder(certified_users={USER})
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    devices.house.issue_cert("localhost").configure_cert(plain)
    asks, does_not = (Endpoint(host="127.0.0.1", port=0, mode="implicit", client_ca=ca) for ca in (CA, None))
    async with Rig(policy, endpoints=[asks, does_not], asking={CA: devices.server}, context=plain) as rig:
        for port, user in zip(rig.listener.ports, (USER, None), strict=True):
            client = await rig.greeted(devices.client(USER), port=port)
            await client.mail(b"Hi\r\n.\r\n")
            assert policy.taken[-1].peer.user == user


async def test_authorities_that_are_gone_leave_the_certificate_of_the_house(devices: Devices) -> None:
    """After a reload with other listeners, which wait for a restart."""
    async with devices.rig(USER, mode="implicit") as rig:
        rig.listener.terms = type(rig.listener.terms)(
            policy=rig.policy, hostname="mx.example.com", ssl_context=_without(devices)
        )
        client = await rig.greeted(devices.client(USER))
        await client.mail(b"Hi\r\n.\r\n")
    assert rig.policy.taken[0].peer.user is None


def _without(devices: Devices) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    devices.house.issue_cert("localhost").configure_cert(context)
    return context


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
async def test_an_error_of_ours_about_a_certificate_ends_the_session_without_a_word_about_it(
    devices: Devices, mode: str, stream: io.StringIO
) -> None:
    async with devices.rig(USER, mode=mode) as rig:
        rig.policy.broken = {"certified"}
        client = await rig.client(devices.client(USER) if mode == "implicit" else None)
        if mode == "starttls":
            await client.reply()
            await client.say("EHLO x")
            await client.start_tls(devices.client(USER))
        assert await client.rest() == b"421 4.3.0 temporary failure, try again later\r\n"


async def test_a_policy_that_refuses_the_login_is_not_asked_for_external(devices: Devices) -> None:
    """EXTERNAL needs no answer of the policy: the certificate was judged at the handshake."""
    async with devices.rig(USER, mode="implicit") as rig:
        rig.policy.login_reply = Reply(454, "4.7.0", "too busy")
        client, _ = await arrived(rig, devices.client(USER), "implicit")
        assert (await client.say("AUTH EXTERNAL =")).startswith("235 ")
    assert rig.policy.logins == []


@pytest.mark.parametrize(
    "issue",
    [
        lambda ca: ca.issue_cert("panel.example.org"),
        lambda ca: ca.issue_cert(common_name="panel.example.org"),
    ],
)
async def test_host_names_and_common_names_log_in_too(
    devices: Devices, issue: Callable[[trustme.CA], trustme.LeafCert]
) -> None:
    context = devices.client()
    issue(devices.authority).configure_cert(context)
    async with devices.rig("panel.example.org", mode="implicit") as rig:
        client, offered = await arrived(rig, context, "implicit")
        assert offered.endswith("AUTH EXTERNAL")
        await client.mail(b"Hi\r\n.\r\n")
    assert rig.policy.taken[0].peer.user == "panel.example.org"


def test_the_same_under_uvloop(devices: Devices) -> None:
    async def both() -> None:
        for mode in ("starttls", "implicit"):
            async with devices.rig(USER, mode=mode) as rig:
                client, offered = await arrived(rig, devices.client(USER), mode)
                assert offered.endswith("250 AUTH EXTERNAL")
                assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
            assert rig.policy.taken[0].peer.user == USER

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(both())
