"""The PROXY header: read exactly, from whom it is wanted, and what it means for everything that follows (row 30)."""

import asyncio
import io
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.settings import Endpoint
from bridge.smtpd import replies
from bridge.smtpd.contract import Limits
from bridge.smtpd.proxy import SIGNATURE, BadHeader, Client, Left, read_client, speaks_proxy
from tests.smtpd.conftest import Certificates
from tests.smtpd.raw import Raw, Rig
from tests.wait import PATIENCE, until

PROXY = "127.0.0.2"  # these tests come from two addresses: this one, and 127.0.0.1
BAD = replies.BAD_HEADER.encode()
V1 = b"PROXY TCP4 192.0.2.55 192.0.2.1 40000 25\r\n"


def v2(command: int, family: int, rest: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(rest)) + rest


def addresses(source: str, destination: str, *ports: int) -> bytes:
    return ip_address(source).packed + ip_address(destination).packed + struct.pack("!HH", *ports)


FOUR, SIX = addresses("192.0.2.55", "192.0.2.1", 40000, 25), addresses("2001:db8::55", "2001:db8::1", 40000, 25)
TLV = b"\x04\x00\x03abc"
HEADERS: list[tuple[bytes, Client | None]] = [
    (V1, ("192.0.2.55", 40000)),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", ("255.255.255.255", 65535)),
    (b"PROXY TCP4 1.1.1.1 1.1.1.2 0 0\r\n", ("1.1.1.1", 0)),
    (b"PROXY TCP6 2001:DB8::55 2001:db8::1 40000 25\r\n", ("2001:db8::55", 40000)),
    (b"PROXY TCP6 " + b"ffff:" * 7 + b"ffff " + b"ffff:" * 7 + b"ffff 65535 65535\r\n", (("ffff:" * 8)[:-1], 65535)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN 192.0.2.55 whatever 1 2\r\n", None),
    (b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n", None),
    (v2(0x21, 0x11, FOUR), ("192.0.2.55", 40000)),
    (v2(0x21, 0x11, FOUR + TLV), ("192.0.2.55", 40000)),
    (v2(0x21, 0x21, SIX), ("2001:db8::55", 40000)),
    (v2(0x21, 0x21, SIX + TLV * 300), ("2001:db8::55", 40000)),
    (v2(0x21, 0x00, b""), None),
    (v2(0x21, 0x00, TLV), None),
    (v2(0x21, 0x31, b"/".ljust(216, b"\0")), None),
    (v2(0x20, 0x00, b""), None),
    (v2(0x20, 0x11, FOUR), None),
]
NO_HEADERS = [
    b"EHLO x\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"\r\n",
    b"PROXY",
    b"PROXY ",
    b"proxy TCP4 192.0.2.55 192.0.2.1 40000 25\r\n",
    b"PROXY TCP4\r\n" + b"x" * 10,
    b"PROXY TCP4 \r\nEHLO xxxxx\r\n",
    b"PROXY TCP4 192.0.2.55 192.0.2.1 40000 25\n\n",
    b"PROXY TCP4 192.0.2.55 192.0.2.1 40000 25\rx",
    b"PROXY TCP4 192.0.2.55 192.0.2.1 40000 25",
    b"PROXY TCP4 192.0.2.55 192.0.2.1 40000\r\n",
    b"PROXY TCP4 192.0.2.55 192.0.2.1 40000 25 1\r\n",
    b"PROXY TCP4  192.0.2.55 192.0.2.1 40000 25\r\n",
    b"PROXY TCP4 192.0.2.55 192.0.2.1 40000 65536\r\n",
    b"PROXY TCP4 192.0.2.55 192.0.2.1 04000 25\r\n",
    b"PROXY TCP4 192.0.2.55 192.0.2.1 -1 25\r\n",
    b"PROXY TCP4 192.0.2.055 192.0.2.1 40000 25\r\n",
    b"PROXY TCP4 192.0.2.256 192.0.2.1 40000 25\r\n",
    b"PROXY TCP4 2001:db8::55 2001:db8::1 40000 25\r\n",
    b"PROXY TCP4 192.0.2.55 2001:db8::1 40000 25\r\n",
    b"PROXY TCP6 192.0.2.55 192.0.2.1 40000 25\r\n",
    b"PROXY TCP6 fe80::1%eth0 fe80::2 40000 25\r\n",
    b"PROXY TCPX4 192.0.2.55 192.0.2.1 40000 25\r\n",
    b"PROXY UDP4 192.0.2.55 192.0.2.1 40000 25\r\n",
    b"PROXY UNKNOWNX\r\n",
    b"PROXY UNKNOWN \0\r\n",
    b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    SIGNATURE,
    SIGNATURE[:-1] + b"X" + b"x" * 20,
    v2(0x21, 0x11, FOUR)[:-1],
    v2(0x21, 0x11, FOUR[:-1]),
    v2(0x21, 0x21, FOUR),
    v2(0x22, 0x11, FOUR),
    v2(0x11, 0x11, FOUR),
    v2(0x31, 0x11, FOUR),
    v2(0x21, 0x12, FOUR),
    v2(0x21, 0x41, FOUR),
    v2(0x21, 0x01, FOUR),
    v2(0x21, 0x11, FOUR.ljust(4097, b"\0")),
    v2(0x20, 0x00, b"\0" * 65535),
]


class Stream:
    """Octets in pieces of at most `piece`; what was not read is `left`."""

    def __init__(self, octets: bytes, piece: int = 65536) -> None:
        self.left = octets
        self.piece = piece

    async def receive(self, octets: int) -> bytes:
        taken = min(octets, self.piece)
        found, self.left = self.left[:taken], self.left[taken:]
        return found


@pytest.mark.parametrize(("header", "client"), HEADERS)
@pytest.mark.parametrize("following", [b"", b"\r\n", b"\x16\x03\x01", b"EHLO x\r\n"])
@pytest.mark.parametrize("piece", [1, 2, 7, 65536])
async def test_a_header_is_read_and_not_an_octet_more(
    header: bytes, client: Client | None, following: bytes, piece: int
) -> None:
    stream = Stream(header + following, piece)
    assert await read_client(stream.receive) == client
    assert stream.left == following
    assert speaks_proxy(header)


@pytest.mark.parametrize("octets", NO_HEADERS)
@pytest.mark.parametrize("piece", [1, 65536])
async def test_anything_else_is_no_header(octets: bytes, piece: int) -> None:
    stream = Stream(octets, piece)
    with pytest.raises(BadHeader):
        await read_client(stream.receive)


async def test_nothing_at_all_is_a_health_check() -> None:
    with pytest.raises(Left):
        await read_client(Stream(b"").receive)


@settings(max_examples=2000, deadline=None)
@given(
    st.sampled_from(
        [b"", b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN", SIGNATURE, SIGNATURE + b"\x21\x11"]
    ),
    st.binary(max_size=300) | st.from_regex(rb"[0-9a-f:. ]{0,90}(\r\n)?", fullmatch=True),
    st.integers(1, 40),
)
def test_whatever_comes_it_is_a_client_or_a_reason(begin: bytes, rest: bytes, piece: int) -> None:
    stream = Stream(begin + rest, piece)
    try:
        client = asyncio.run(read_client(stream.receive))
    except (Left, BadHeader):
        return
    assert client is None or (str(ip_address(client[0])) == client[0] and 0 <= client[1] <= 65535)


# Through the door.


@asynccontextmanager
async def a_proxy(
    rig: Rig, header: bytes = V1, *, context: ssl.SSLContext | None = None, port: int | None = None
) -> AsyncIterator[Raw]:
    """A connection from the proxy's address, which begins with `header`."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((PROXY, 0))
    await loop.sock_connect(sock, ("127.0.0.1", port or rig.port))
    await loop.sock_sendall(sock, header)
    name = "localhost" if context is not None else None
    client = Raw(*await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name))
    try:
        yield client
    finally:
        await client.close()


def behind(mode: str = "starttls") -> list[Endpoint]:
    return [Endpoint(host="127.0.0.1", port=0, mode=mode, proxy=(ip_network(PROXY),))]


@pytest.mark.parametrize(("header", "client"), [item for item in HEADERS if item[1]])
async def test_row_30_the_client_is_whom_the_proxy_names(header: bytes, client: Client) -> None:
    async with Rig(endpoints=behind()) as rig, a_proxy(rig, header) as proxied:
        assert (await proxied.reply()).startswith("220 ")
        await proxied.say("EHLO x")
        assert (await proxied.mail(b"Hi\r\n.\r\n")).startswith("250 ")
    (mail,) = rig.policy.taken
    assert (mail.peer.host, mail.peer.port) == client


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", v2(0x20, 0, b""), v2(0x21, 0, b"")])
async def test_who_cannot_be_named_is_the_proxy(header: bytes) -> None:
    async with Rig(endpoints=behind()) as rig, a_proxy(rig, header) as proxied:
        assert (await proxied.reply()).startswith("220 ")
    assert rig.policy.peers[0].host == PROXY


async def test_ipv4_written_as_ipv6_is_ipv4() -> None:
    header = v2(0x21, 0x21, addresses("::ffff:192.0.2.55", "::1", 1, 25))
    async with Rig(endpoints=behind()) as rig, a_proxy(rig, header) as proxied:
        assert (await proxied.reply()).startswith("220 ")
    assert rig.policy.peers[0].host == "192.0.2.55"


async def test_row_30_the_client_stays_the_same_through_starttls(certificates: Certificates) -> None:
    async with Rig(endpoints=behind(), context=certificates.server) as rig, a_proxy(rig) as proxied:
        await proxied.reply()
        await proxied.say("EHLO x")
        await proxied.start_tls(certificates.client)
        await proxied.say("EHLO x")
        assert (await proxied.mail(b"Hi\r\n.\r\n")).startswith("250 ")
    peer = rig.policy.taken[0].peer
    assert (peer.host, peer.port, peer.tls) == ("192.0.2.55", 40000, True)


async def test_a_header_before_implicit_tls(certificates: Certificates) -> None:
    async with Rig(endpoints=behind("implicit"), context=certificates.server) as rig:
        async with a_proxy(rig, context=certificates.client) as proxied:
            assert (await proxied.reply()).startswith("220 ")
            await proxied.say("EHLO x")
            assert (await proxied.mail(b"Hi\r\n.\r\n")).startswith("250 ")
        async with a_proxy(rig, b"EHLO x\r\n") as wrong:
            assert await wrong.rest() == b"", "a reply in plain text would be no TLS"
    assert rig.policy.taken[0].peer.host == "192.0.2.55"


async def test_header_and_handshake_in_one_segment(certificates: Certificates) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = certificates.client.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    rig = Rig(endpoints=behind("implicit"), context=certificates.server)
    async with rig, a_proxy(rig, V1 + outgoing.read()) as proxied:
        greeting = b""
        while not greeting:
            incoming.write(await asyncio.wait_for(proxied.reader.read(65536), PATIENCE))
            try:
                tls.do_handshake()
                await proxied.send(outgoing.read())
                greeting = tls.read()
            except ssl.SSLWantReadError:
                await proxied.send(outgoing.read())
        assert greeting.startswith(b"220 ")
    assert rig.policy.peers[0].host == "192.0.2.55"


async def test_row_30_others_speak_no_proxy_on_that_listener_and_are_served() -> None:
    async with Rig(endpoints=behind()) as rig:
        direct = await rig.greeted()
        assert (await direct.mail(b"Hi\r\n.\r\n")).startswith("250 ")
        assert rig.policy.taken[0].peer.host == "127.0.0.1"
        for header in (V1, v2(0x21, 0x11, FOUR)):
            early = socket.create_connection(("127.0.0.1", rig.port))
            early.sendall(header)  # before the loop can accept
            early.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=early)
            assert await reader.read() == replies.NOT_A_PROXY.encode()
            writer.close()
    assert {peer.host for peer in rig.policy.peers} == {"127.0.0.1"}


async def test_who_talks_before_the_greeting_through_a_proxy_is_out_of_sync() -> None:
    async with Rig(endpoints=behind()) as rig, a_proxy(rig, V1 + b"EHLO x\r\n") as proxied:
        assert await proxied.rest() == replies.OUT_OF_SYNC.encode()


@pytest.mark.parametrize("octets", [b"EHLO x\r\n", b"PROXY TCP4 nonsense\r\n", v2(0x23, 0x11, FOUR)])
async def test_a_proxy_without_a_header_is_refused_and_logged(octets: bytes, stream: io.StringIO) -> None:
    async with Rig(endpoints=behind()) as rig, a_proxy(rig, octets) as wrong:
        assert await wrong.rest() == BAD
    assert not rig.policy.peers
    assert PROXY in stream.getvalue()
    assert "no proxy header" in stream.getvalue()


async def test_a_proxy_that_says_nothing_is_refused_in_time(stream: io.StringIO) -> None:
    async with Rig(endpoints=behind(), limits=Limits(header_timeout=0.1)) as rig:
        async with a_proxy(rig, b"") as silent, a_proxy(rig, b"PROXY TCP4 1") as slow:
            assert await silent.rest() == BAD
            assert await slow.rest() == BAD
        assert not rig.listener._announced
    assert "it does not come" in stream.getvalue()


async def test_health_checks_are_not_worth_a_line(stream: io.StringIO) -> None:
    async with Rig(endpoints=behind()) as rig:
        for abort in (False, True):
            async with a_proxy(rig, b"") as check:
                await until(lambda: rig.listener._announced, "it is there")
                if abort:
                    linger = struct.pack("ii", 1, 0)  # a reset instead of a goodbye
                    check.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            await until(lambda: not rig.listener._announced, "it is gone")
        await until(lambda: not rig.listener._arriving)
    assert stream.getvalue() == ""
    assert not rig.policy.peers


async def test_the_named_client_counts_for_the_limits_and_not_the_proxy() -> None:
    trusted = (ip_network("192.0.2.9"),)
    async with Rig(endpoints=behind(), per_address=1, trusted=trusted) as rig:
        headers = [V1.replace(b".55", b".%d" % last) for last in (55, 56, 55, 9, 9)]
        async with (
            a_proxy(rig, headers[0]) as one,
            a_proxy(rig, headers[1]) as other,
            a_proxy(rig, headers[3]) as relay,
            a_proxy(rig, headers[4]) as again,
        ):
            for client in (one, other, relay, again):
                assert (await client.reply()).startswith("220 ")
            async with a_proxy(rig, headers[2]) as second:
                assert await second.rest() == replies.TOO_MANY_CONNECTIONS.encode()


async def test_those_who_owe_a_header_are_bounded() -> None:
    async with Rig(endpoints=behind(), total=2) as rig, a_proxy(rig, b"PROXY") as one, a_proxy(rig, b"PROXY"):
        await until(lambda: len(rig.listener._announced) == 2)
        async with a_proxy(rig) as third:
            assert await third.rest() == replies.TOO_MANY_CONNECTIONS.encode()
        await one.send(V1[5:])
        assert (await one.reply()).startswith("220 ")
        async with a_proxy(rig) as third:
            assert (await third.reply()).startswith("220 ")


async def test_a_proxy_that_owes_its_header_does_not_hold_up_the_end() -> None:
    async with Rig(endpoints=behind()) as rig, a_proxy(rig, b"PROXY") as client:
        await until(lambda: rig.listener._announced)
        await asyncio.wait_for(rig.listener.drain(30), PATIENCE)
        assert await client.rest() == b""


def test_the_same_under_uvloop(certificates: Certificates) -> None:
    async def everything() -> None:
        both = [*behind(), *behind("implicit")]
        async with Rig(endpoints=both, context=certificates.server, limits=Limits(header_timeout=0.3)) as rig:
            starttls, implicit = rig.listener.ports
            for header, context, port in (
                (V1, None, starttls),
                (v2(0x21, 0x11, FOUR), None, starttls),
                (V1, certificates.client, implicit),
                (v2(0x21, 0x11, FOUR + TLV), certificates.client, implicit),
            ):
                async with a_proxy(rig, header, context=context, port=port) as client:
                    assert (await client.reply()).startswith("220 ")
                    await client.say("EHLO x")
                    if context is None:
                        await client.start_tls(certificates.client)
                        await client.say("EHLO x")
                    assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
            async with a_proxy(rig, b"", port=starttls) as silent, a_proxy(rig, b"EHLO x\r\n", port=starttls) as wrong:
                assert await wrong.rest() == BAD
                assert await silent.rest() == BAD
            direct = await rig.greeted()
            assert (await direct.mail(b"Hi\r\n.\r\n")).startswith("250 ")
        assert [mail.peer.host for mail in rig.policy.taken] == ["192.0.2.55"] * 4 + ["127.0.0.1"]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(everything())


async def test_a_bug_of_ours_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    async def broken(_receive: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bridge.smtpd.proxy.read_client", broken)
    async with Rig(endpoints=behind()) as rig, a_proxy(rig) as client:
        assert await client.rest() == b""
    assert "ZeroDivisionError" in stream.getvalue()
