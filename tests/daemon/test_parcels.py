"""Nouns on a link: every field arrives as it was, through `marshal` itself, and the whole configuration too."""

import marshal
from collections.abc import Callable
from dataclasses import fields, replace
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from bridge import config
from bridge.config import Endpoint, User
from bridge.daemon.parcels import (
    pack_configuration,
    pack_endpoints,
    pack_intake,
    pack_payable,
    pack_reply,
    pack_settling,
    pack_taken,
    unpack_configuration,
    unpack_endpoints,
    unpack_intake,
    unpack_payable,
    unpack_settling,
    unpack_taken,
)
from bridge.limits import Asking, Forwarding, Payable, Wanted
from bridge.message import Bounce, Channel, Delivery, Fate, OnUnknown, Reports, State
from bridge.smtpd import replies
from bridge.smtpd.contract import Reply
from bridge.smtpd.desk import Taken
from bridge.smtpd.returned import Settling
from bridge.spool import Accepted, Conversation, Intake
from tests.config.setup import GOOD, put
from tests.given import LINE, configuration
from tests.make import delivery, intake

PHONE = "436600000001"

FULL = Delivery(
    id="M1-1",
    mail="M1",
    channel=Channel.MAIL,
    recipient="anna@example.org",
    payload=b"\x00\xff\r\n",
    state=State.HELD,
    sender="bernd@example.org",
    author="chief@example.org",
    route="team@sms.example.com",
    urgent=True,
    reports=Reports.ALL,
    language="de",
    on_unknown=OnUnknown.RESEND,
    unknown_wait=1.5,
    created_at=1.25,
    changed_at=2.5,
    next_at=3.75,
    expires_at=4.125,
    warn_at=5.5,
    attempts=6,
    code="4002",
    reason="Grüße \U0001f511",
    status="5.1.3",
    transfer_id="t-7",
    notify="success,failure",
    orcpt="rfc822;anna@example.org",
    address="anna@sms.example.com",
)
TALK = Conversation(
    phone=PHONE, line="436600000099", author="a@example.org", message_id="<1@x>", subject="Ü", expires_at=9.5
)
EVERYTHING = Intake(
    id="M1",
    kind="mail",
    at=1.5,
    sender="bernd@example.org",
    author="chief@example.org",
    proof="dkim",
    peer="2001:db8::1",
    message_id="<2@example.org>",
    envid="QQ314159",
    ret="full",
    deliveries=[FULL, delivery()],
    seen=[b"\x00" * 32, None],
    conversations=[TALK, replace(TALK, message_id=None)],
    notification_id="n-1",
    digest=b"\x01" * 32,
    original=b"Subject: x\r\n\r\n",
    whole=True,
    expanded=[("M1-1", "team@sms.example.com")],
    told=[("M0-1", "failed")],
    alerts_told=[3, 4],
    size=99,
    line="436600000099",
    why="conversation",
)


def sent(packed: Any) -> Any:
    """As it comes out at the other end."""
    return marshal.loads(marshal.dumps(packed))  # noqa: S302  # said a moment ago


@pytest.mark.parametrize("made", [FULL, TALK, EVERYTHING], ids=["delivery", "conversation", "intake"])
def test_the_samples_leave_no_field_as_it_is_by_itself(made: Any) -> None:
    plain: dict[type, Callable[[], Any]] = {
        Delivery: delivery,
        Intake: lambda: Intake(id="", kind="", at=0.0),
        Conversation: lambda: Conversation(phone="", line="", author=""),
    }
    other = plain[type(made)]()
    same = {field.name for field in fields(made) if getattr(made, field.name) == getattr(other, field.name)}
    assert same <= {"id", "mail"}, "a field that was forgotten on the way would not show"


def test_an_intake_arrives_whole() -> None:
    found = unpack_intake(sent(pack_intake(EVERYTHING)))
    for field in fields(Intake):
        assert list_of(getattr(found, field.name)) == list_of(getattr(EVERYTHING, field.name)), field.name
    for one, other in zip(found.deliveries, EVERYTHING.deliveries, strict=True):
        for name in ("channel", "state", "reports", "on_unknown"):
            assert getattr(one, name) is getattr(other, name), "words are words again, not text"
        assert one.urgent is other.urgent


def test_an_empty_intake_arrives_empty() -> None:
    found = unpack_intake(sent(pack_intake(intake())))
    assert (list(found.deliveries), list(found.conversations), found.seen, found.author) == (
        [],
        [],
        (),
        "anna@example.org",
    )


def list_of(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


PAYABLES: list[Payable] = [
    Wanted(sender="a@example.org", recipients=(PHONE, "436600000002"), route="team", urgent=True),
    Wanted(sender="", recipients=(), route=""),
    Forwarding(client="2001:db8::/64"),
    Forwarding(client=""),
    Asking(sender="a@example.org", answers=3),
]


@pytest.mark.parametrize("wanted", PAYABLES, ids=repr)
def test_what_something_costs(wanted: Payable) -> None:
    assert unpack_payable(sent(pack_payable(wanted))) == wanted


@pytest.mark.parametrize(
    "taken",
    [
        Taken(accepted=Accepted(id="M1")),
        Taken(accepted=Accepted(id="M1", repeated=True)),
        Taken(accepted=Accepted(id="M1", repeated=True, differs=True)),
        Taken(reached=(0, "sender")),
        Taken(fault="database is locked"),
    ],
    ids=repr,
)
def test_what_became_of_it(taken: Taken) -> None:
    assert unpack_taken(sent(pack_taken(taken))) == taken


@pytest.mark.parametrize("reply", [Reply(250, "2.0.0", "queued as Ü"), Reply(354, "", ""), replies.TOO_MANY_LOGINS])
def test_a_reply(reply: Reply) -> None:
    assert Reply(*sent(pack_reply(reply))) == reply


@pytest.mark.parametrize("fate", list(Fate))
def test_what_a_bounce_says(fate: Fate) -> None:
    bounce = Bounce(fate=fate, status="5.1.1", text="no such user, Ü", digest=b"\x00\xff")
    found = unpack_settling(sent(pack_settling(Settling(deliveries=("M1-1", "M1-2"), bounce=bounce))))
    assert found == Settling(deliveries=("M1-1", "M1-2"), bounce=bounce)
    assert found.bounce.fate is fate


def test_a_configuration_arrives_whole() -> None:
    users = {"panel": User(name="panel", hash="certificate", addresses=frozenset({"panel@example.org"}))}
    given = replace(configuration(), users=MappingProxyType(users))
    found = unpack_configuration(sent(pack_configuration(given)))
    assert found == given
    assert isinstance(found.users, MappingProxyType), "nobody can change it there either"
    for address in ("anna@sms.example.com", "+436600000005@sms.example.com", "nobody@example.net"):
        assert found.routes.by_address(address) == given.routes.by_address(address)
    for phone in ("436600000001", "436600000002", "436600000003", "436600000077"):
        assert found.routes.by_number(phone) == given.routes.by_number(phone)
        assert found.routes.name_of(phone) == given.routes.name_of(phone)
    assert found.routes.by_line(LINE) == given.routes.by_line(LINE) is not None


def test_a_configuration_from_files_arrives_whole(tmp_path: Path) -> None:
    given = config.load(put(tmp_path, GOOD))
    found = unpack_configuration(sent(pack_configuration(given)))
    assert found == given
    assert given.users
    assert found.secrets == given.secrets


def test_how_sockets_are_served() -> None:
    given = [
        Endpoint(host="127.0.0.1", port=25),
        Endpoint(host="", port=0, mode="implicit", client_ca=Path("authority.pem")),
        Endpoint(host="::1", port=26, mode="legacy", proxy=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))),
    ]
    assert unpack_endpoints(pack_endpoints(given, 5)) == (given, 5)
