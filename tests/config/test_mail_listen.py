"""Where mail comes in: entries of smtpd's `listen`, alone and together with the rest of the section."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import pytest

from bridge import config
from bridge.config import Endpoint, mail_listen
from bridge.config.problems import Reported
from bridge.routing import Network
from tests.config import setup

HERE = ip_network("192.0.2.0/24")


def test_listeners_may_be_tables(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    listen = """listen = [
      "[::1]:8025",
      { address = "localhost:0", mode = "plain" },
      { address = "127.0.0.1:26", proxy = ["192.0.2.7", "2001:db8::/48"] },
      { address = "127.0.0.1:27", mode = "legacy" },
    ]
    networks = ["192.0.2.64/26"]
    """
    setup.private(path, path.read_text().replace("[smtpd]\n", f"[smtpd]\n{listen}"))
    loaded = config.load(path, {})
    assert loaded.settings.smtpd.listen == (
        Endpoint(host="::1", port=8025),
        Endpoint(host="localhost", port=0, mode="plain"),
        Endpoint(host="127.0.0.1", port=26, proxy=(IPv4Network("192.0.2.7/32"), IPv6Network("2001:db8::/48"))),
        Endpoint(host="127.0.0.1", port=27, mode="legacy"),
    )
    assert [one.key for one in loaded.warnings] == ["smtpd.users_file"]  # none of its own


@pytest.mark.parametrize(
    ("table", "problems"),
    [
        ({}, ["address: is missing"]),
        ({"mode": "plain"}, ["address: is missing"]),
        ({"address": "nowhere"}, ["address: «nowhere» is not host:port"]),
        ({"address": "localhost:1", "mode": "tls"}, ["mode: «tls» is not known here"]),
        ({"address": "localhost:1", "mode": 1}, ["mode: this must be text"]),
        ({"address": "localhost:1", "adress": "x"}, ["adress: there is no such key"]),
        ({"address": 1, "mode": 2}, ["address: «1» is not host:port", "mode: this must be text"]),
        ({"address": "localhost:1", "proxy": "192.0.2.1"}, ["proxy: this must be a list"]),
        ({"address": "localhost:1", "proxy": []}, ["proxy: the list is empty"]),
        ({"address": "localhost:1", "proxy": ["::/0"]}, ["proxy: «::/0» is (nearly) everybody"]),
        ({"address": "localhost:1", "client_ca": 1}, ["client_ca: this must be text"]),
    ],
)
def test_what_is_wrong_with_a_table_is_reported_key_by_key(table: dict[str, object], problems: list[str]) -> None:
    where = setup.place()
    with pytest.raises(Reported):
        mail_listen.smtp_endpoint(table, where)
    assert [f"{one.key}: {one.message}" for one in where.collector.problems] == problems


def test_files_start_at_the_configuration() -> None:
    found = mail_listen.smtp_endpoint({"address": "localhost:1", "client_ca": "tls/ca.pem"}, setup.place(Path("/x")))
    assert found.client_ca == Path("/x/tls/ca.pem")


@pytest.mark.parametrize(
    ("mode", "client_ca", "networks", "has_tls", "needs_tls", "said"),
    [
        ("starttls", None, (), False, False, []),
        ("starttls", None, (), True, True, []),
        ("implicit", None, (), True, True, []),
        ("implicit", None, (), False, False, ["the mode «implicit» needs a certificate"]),
        ("plain", None, (), False, False, []),
        (
            "plain",
            None,
            (),
            True,
            True,
            ["the mode «plain» has no TLS and require_tls is set: no mail could come in here"],
        ),
        ("legacy", None, (HERE,), True, False, []),
        ("legacy", None, None, True, False, []),
        ("legacy", None, (), True, False, ["the mode «legacy» is for peers in `networks`, and there are none"]),
        (
            "legacy",
            None,
            (HERE,),
            True,
            True,
            ["the mode «legacy» has no TLS and require_tls is set: no mail could come in here"],
        ),
        ("starttls", Path("ca.pem"), (), True, False, []),
        ("implicit", Path("ca.pem"), (), True, True, []),
        ("starttls", Path("ca.pem"), (), False, False, ["client certificates need one of our own"]),
        ("plain", Path("ca.pem"), (), True, False, ["the mode «plain» has no TLS, and so no client certificates"]),
        (
            "legacy",
            Path("ca.pem"),
            (HERE,),
            True,
            False,
            ["the mode «legacy» has no TLS, and so no client certificates"],
        ),
    ],
)
def test_an_entry_must_be_able_to_take_a_mail(
    mode: str,
    client_ca: Path | None,
    networks: tuple[Network, ...] | None,
    has_tls: bool,
    needs_tls: bool,
    said: list[str],
) -> None:
    where = setup.place()
    entry = Endpoint(host="127.0.0.1", port=25, mode=mode, client_ca=client_ca)
    mail_listen.check((entry,), where, networks=networks, has_tls=has_tls, needs_tls=needs_tls)
    assert [one.message for one in where.collector.problems] == said
    assert all(one.hint for one in where.collector.problems)


@pytest.mark.parametrize(
    ("proxy", "warned"),
    [("192.0.2.7/32", True), ("192.0.0.0/16", True), ("198.51.100.7/32", False), ("::1/128", False)],
)
def test_a_proxy_that_is_trusted_itself_is_warned_of(proxy: str, warned: bool) -> None:
    where = setup.place()
    entry = Endpoint(host="127.0.0.1", port=25, proxy=(ip_network(proxy),))
    mail_listen.check((entry,), where, networks=(HERE,), has_tls=False, needs_tls=False)
    assert bool(where.collector.warnings) is warned
    assert not where.collector.problems
