"""Hosts, places to listen, networks and URLs."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config import network
from bridge.config.problems import Invalid
from bridge.routing import Network
from tests.config import setup


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"])
def test_this_machine(host: str) -> None:
    assert network.is_loopback(host)


@pytest.mark.parametrize("host", ["", "192.0.2.0", "::", "192.0.2.1", "localhost.example.com", "128.0.0.1", "loopback"])
def test_other_machines(host: str) -> None:
    assert not network.is_loopback(host)


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("Mail.Example.COM", "mail.example.com"),
        ("localhost", "localhost"),
        ("mail_1.example.com", "mail_1.example.com"),
        ("4.example.com", "4.example.com"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (".".join(["abc"] * 63) + ".a", ".".join(["abc"] * 63) + ".a"),
    ],
)
def test_hosts(written: str, host: str) -> None:
    assert network.host(written, setup.place()) == host


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("mail.example.com:25", "holds a port"),
        ("192.0.2.1:25", "holds a port"),
        ("http://mail.example.com", "not a host name"),
        ("mail.example.com.", "not a host name"),
        ("-mail.example.com", "not a host name"),
        ("mail-.example.com", "not a host name"),
        ("mail..example.com", "not a host name"),
        ("mail example.com", "not a host name"),
        ("größe.example.com", "not a host name"),
        ("a" * 64, "not a host name"),
        (".".join(["abcd"] * 51), "not a host name"),
        ("192.0.2.300", "not a host name"),
        ("192.0.2", "not a host name"),
        ("1.2.3.4.5", "not a host name"),
        ("[::1", "not a host name"),
        ("::1]", "not a host name"),
        ("[192.0.2.1]", "not a host name"),
        ("", "empty"),
        (25, "must be text"),
    ],
)
def test_what_is_no_host(value: object, says: str) -> None:
    assert says in setup.refusal(network.host, value).message


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("127.0.0.1:8025", ("127.0.0.1", 8025)),
        ("[::1]:8025", ("::1", 8025)),
        ("[0:0:0:0:0:0:0:1]:1", ("::1", 1)),
        ("localhost:0", ("localhost", 0)),
        ("Mail.Example.com:65535", ("mail.example.com", 65535)),
        ("192.0.2.1:00025", ("192.0.2.1", 25)),
    ],
)
def test_places_to_listen(written: str, found: tuple[str, int]) -> None:
    assert network.host_port(written, "127.0.0.1:1") == found


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("8025", 'write for example "127.0.0.1:1"'),
        ("127.0.0.1", 'write for example "127.0.0.1:1"'),
        ("127.0.0.1:65536", 'write for example "127.0.0.1:1"'),
        ("127.0.0.1:-1", 'write for example "127.0.0.1:1"'),
        ("127.0.0.1:８０", 'write for example "127.0.0.1:1"'),
        ("300.0.0.1:25", 'write for example "127.0.0.1:1"'),
        ("127.1:25", 'write for example "127.0.0.1:1"'),
        ("a b:25", 'write for example "127.0.0.1:1"'),
        ("a..b:25", 'write for example "127.0.0.1:1"'),
        ("a:25\n", 'write for example "127.0.0.1:1"'),
        ("[::1]", 'an IPv6 address stands in brackets: "[::1]:8025"'),
        ("::1:8025", 'an IPv6 address stands in brackets: "[::1]:8025"'),
        ("[127.0.0.1]:25", 'write for example "127.0.0.1:1"'),
        ("[fe80::1%eth0]:25", 'an IPv6 address stands in brackets: "[::1]:8025"'),
        ("tcp://localhost:25", 'write for example "127.0.0.1:1"'),
        (":25", 'to listen everywhere write "0.0.0.0:25" and "[::]:25"'),
        ("*:25", 'to listen everywhere write "0.0.0.0:25" and "[::]:25"'),
        ("", 'write for example "127.0.0.1:1"'),
        (8025, 'write for example "127.0.0.1:1"'),
        (None, 'write for example "127.0.0.1:1"'),
    ],
)
def test_what_is_no_place_to_listen(value: object, hint: str) -> None:
    with pytest.raises(Invalid) as caught:
        network.host_port(value, "127.0.0.1:1")
    assert caught.value.hint == hint


@settings(deadline=None)
@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_address_with_every_port(address: IPv4Address | IPv6Address, port: int) -> None:
    written = f"{address}:{port}" if address.version == 4 else f"[{address.exploded}]:{port}"
    assert network.host_port(written, "") == (str(address), port)


@settings(deadline=None)
@given(st.text(max_size=20) | st.from_regex(r"[\[\]0-9a-f:.*]{0,20}:[0-9]{0,6}", fullmatch=True))
def test_anything_else_is_invalid_and_nothing_worse(written: str) -> None:
    try:
        host, port = network.host_port(written, "x")
    except Invalid:
        return
    assert host == host.lower()
    assert 0 <= port <= 65535


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("192.0.2.0/24", IPv4Network("192.0.2.0/24")),
        ("192.0.2.0/255.255.255.0", IPv4Network("192.0.2.0/24")),
        ("192.0.2.1", IPv4Network("192.0.2.1/32")),
        ("2001:db8::/48", IPv6Network("2001:db8::/48")),
        ("2001:DB8::1", IPv6Network("2001:db8::1/128")),
        ("::ffff:192.0.2.0/120", IPv4Network("192.0.2.0/24")),
        ("::ffff:192.0.2.1", IPv4Network("192.0.2.1/32")),
        ("::ffff:0:0/96", IPv4Network("0.0.0.0/0")),
        ("::/0", IPv6Network("::/0")),
        ("0.0.0.0/0", IPv4Network("0.0.0.0/0")),
    ],
)
def test_networks(written: str, found: Network) -> None:
    assert network.network(written, setup.place()) == found


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("192.0.2.1/24", 'did you mean "192.0.2.0/24"?'),
        ("2001:db8::1/48", 'did you mean "2001:db8::/48"?'),
        ("192.0.2.0/33", 'write for example "192.0.2.0/24" or "2001:db8::1"'),
        ("example.com", 'write for example "192.0.2.0/24" or "2001:db8::1"'),
        ("192.0.2.0-192.0.2.9", 'write for example "192.0.2.0/24" or "2001:db8::1"'),
    ],
)
def test_what_is_no_network(value: object, hint: str) -> None:
    assert setup.refusal(network.network, value).hint == hint


@pytest.mark.parametrize("written", ["10.0.0.0/8", "192.0.2.1", "2001::/16", "fd00::1"])
def test_peers_may_be_many(written: str) -> None:
    assert network.peers(written, setup.place()) == network.network(written, setup.place())


@pytest.mark.parametrize(
    "written", ["0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7", "::/0", "2000::/3", "2000::/15", "::ffff:0:0/96"]
)
def test_peers_may_not_be_most_of_the_world(written: str) -> None:
    assert "everybody" in setup.refusal(network.peers, written).message


URL = network.url(origin=False, example="https://api.example.com/rest")
ORIGIN = network.url(origin=True, example="https://hooks.example.com")


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://api.example.com/rest", "https://api.example.com/rest"),
        ("https://api.example.com/rest/", "https://api.example.com/rest"),
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com:8443/", "https://api.example.com:8443"),
        ("HTTPS://api.example.com/Rest", "https://api.example.com/Rest"),
        ("https://192.0.2.1/rest", "https://192.0.2.1/rest"),
        ("https://[2001:db8::1]:8443/rest", "https://[2001:db8::1]:8443/rest"),
        ("http://localhost:8090/rest", "http://localhost:8090/rest"),
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("http://[::1]:8090", "http://[::1]:8090"),
    ],
)
def test_urls(written: str, url: str) -> None:
    assert URL(written, setup.place()) == url


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("api.example.com", "not a URL"),
        ("ftp://api.example.com", "not a URL"),
        ("https://", "not a URL"),
        ("https:///rest", "not a URL"),
        ("https://api example.com", "not a URL"),
        ("https://api..example.com", "not a URL"),
        ("https://192.0.2.300/", "not a URL"),
        ("https://api.example.com:", "not a URL"),
        ("https://api.example.com:x", "not a URL"),
        ("https://api.example.com:99999", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://[v1.x]/", "not a URL"),
        ("https://anna:made-up@api.example.com", "user or password"),
        ("https://made-up@api.example.com", "user or password"),
        ("https://:made-up@api.example.com", "user or password"),
        ("https://@api.example.com", "user or password"),
        ("https://api.example.com/?token=made-up", "follow the path"),
        ("https://api.example.com/#made-up", "follow the path"),
        ("http://api.example.com/made-up", "plain http"),
        ("http://192.0.2.1", "plain http"),
        ("http://localhost.example.com", "plain http"),
        (5, "must be text"),
    ],
)
def test_what_is_no_url_is_not_repeated(value: object, says: str) -> None:
    error = setup.refusal(URL, value)
    assert says in error.message
    assert "made-up" not in error.message + error.hint


def test_nothing_follows_an_origin() -> None:
    assert ORIGIN("https://hooks.example.com/", setup.place()) == "https://hooks.example.com"
    error = setup.refusal(ORIGIN, "https://hooks.example.com/websms/made-up")
    assert error.message == "a path follows the host"
    assert "made-up" not in error.hint


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_text_breaks_the_reader_of_urls(written: str) -> None:
    for start in ("", "https://", "https://[", "https://a:"):
        try:
            found = URL(start + written, setup.place())
        except Invalid:
            continue
        assert found.startswith(("https://", "http://"))
        assert found.isprintable()
