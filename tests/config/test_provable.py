"""Rows and users that look right and could never be used."""

from pathlib import Path

import pytest

from bridge import config
from bridge.config import Endpoint, User
from bridge.config.provable import check_routes, check_users
from bridge.config.users import CERTIFICATE
from bridge.routing import Allow, Route
from tests.config import setup

ANNA = User(
    name="anna", hash="$argon2id$…", addresses=frozenset({"anna@example.org"}), domains=frozenset({"team.example.org"})
)
RELAY = User(name="relay.example.org", hash=CERTIFICATE, addresses=frozenset(), domains=frozenset({"example.org"}))
OPEN = Endpoint(host="127.0.0.1", port=25)
LEGACY = Endpoint(host="127.0.0.1", port=26, mode="legacy")
ASKING = Endpoint(host="127.0.0.1", port=465, mode="implicit", client_ca=Path("ca.pem"))


@pytest.mark.parametrize(
    ("users", "listen", "has_tls", "said"),
    [
        ([], [OPEN], False, []),
        ([ANNA], [OPEN], True, []),
        ([ANNA, RELAY], [LEGACY, ASKING], True, []),
        ([ANNA], [OPEN], False, ["nobody can log in with a password: there is no certificate"]),
        ([ANNA], [LEGACY], True, ["nobody can log in with a password: no entry of listen has TLS"]),
        ([RELAY], [OPEN], True, ["nobody can log in with a certificate: no entry of listen asks for one"]),
    ],
)
def test_users_whom_no_listener_lets_in(
    users: list[User], listen: list[Endpoint], has_tls: bool, said: list[str]
) -> None:
    where = setup.place().at("smtpd", "users_file")
    check_users(users, where, listen=listen, has_tls=has_tls)
    assert [one.message for one in where.collector.warnings] == said
    assert all(one.hint for one in where.collector.warnings)
    assert where.collector.problems == ()


@pytest.mark.parametrize(
    ("allow", "by_anna"),
    [
        (Allow(addresses=frozenset({"anna@example.org"})), True),
        (Allow(addresses=frozenset({"bob@team.example.org"})), True),
        (Allow(addresses=frozenset({"bob@example.org"})), False),
        (Allow(domains=frozenset({"team.example.org"})), True),
        (Allow(domains=frozenset({"example.org"})), True),
        (Allow(domains=frozenset({"other.example.org"})), False),
        (Allow(users=frozenset({"anna"})), True),
    ],
)
def test_a_row_whose_senders_nothing_proves(allow: Allow, by_anna: bool) -> None:
    row = Route(name="x@sms.example.com", row=1, address="x@sms.example.com", numbers=("436600000001",), allow=allow)
    for others in (True, False):
        where = setup.place(toml="[[route]]\nallow = []\n")
        check_routes([row], where, users=[ANNA], others=others)
        assert len(where.collector.warnings) == (not others and not by_anna)


def test_rows_without_an_address_are_for_nobody_by_intention() -> None:
    where = setup.place(toml="[[route]]\n")
    check_routes([Route(name="line", row=1, line="436600000099")], where, users=[], others=False)
    assert where.collector.warnings == ()


NETWORKS = 'networks = ["192.0.2.0/24"]\n'
RELAYS = '[mail_authentication]\nrelays = ["192.0.2.7/32"]\nauthserv_id = "mx.example.com"\n'
CHECK = "[mail_authentication]\ncheck = true\n"


@pytest.mark.parametrize(("smtpd", "section"), [("", ""), (NETWORKS, ""), ("", RELAYS), ("", CHECK)])
def test_one_warning_at_the_first_row_counts_the_others(tmp_path: Path, smtpd: str, section: str) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    lines = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith("users_file")]
    setup.private(path, "".join(lines).replace("[smtpd]\n", f"[smtpd]\n{smtpd}") + section)
    row = '[[route]]\naddress = "{}@sms.example.com"\nnumber = "+43 660 0000001"\nallow = ["{}"]\n'
    rows = [row.format(*names) for names in (("a", "192.0.2.1"), ("b", "*@example.com"), ("c", "x@example.com"))]
    setup.private(tmp_path / "routes.toml", "".join(rows))
    found = [str(one) for one in config.load(path, {}).warnings]
    assert found == (
        []
        if smtpd or section
        else [
            "routes.toml:8: allow: nothing can prove one of these senders, so every mail to this route is refused (and "
            "to 1 more); give them a login (smsbridge user add), name their mail server in [smtpd] networks, or set "
            "[mail_authentication] check = true"
        ]
    )
