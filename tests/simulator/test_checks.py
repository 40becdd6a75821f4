"""Each row of the provider's checks, its code, and what the provider bears unless strict."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.simulator import SimulatorSettings
from bridge.simulator.accounts import Ledger
from bridge.simulator.answers import Answer, render
from bridge.simulator.checks import CHECKS, Case, refuse
from bridge.simulator.clock import Clock
from bridge.simulator.fields import KNOWN, submission
from tests.simulator.rig import NUMBER, Answered, Client

BINARY = "/rest/smsmessaging/binary"


def refused(answer: Answered, code: int, echo: str | None = "m-1") -> None:
    assert answer.status == 200
    assert answer.code == code
    assert answer.json["clientMessageId"] == echo
    assert answer.json["transferId"] is None
    assert answer.json["smsCount"] == 0
    assert isinstance(answer.json["statusMessage"], str)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("row", "code", "changes"),
    [
        ("5", 4019, {"recipientAddressList": ...}),
        ("5", 4019, {"recipientAddressList": None}),
        ("5", 4019, {"recipientAddressList": []}),
        ("6", 4002, {"recipientAddressList": NUMBER}),
        ("6", 4002, {"recipientAddressList": {"a": 1}}),
        ("7", 4025, {"recipientAddressList": [NUMBER] * 1001}),
        ("8", 4002, {"recipientAddressList": [NUMBER, "0660000001"]}),
        ("8", 4002, {"recipientAddressList": ["1234"]}),
        ("8", 4002, {"recipientAddressList": ["1234567890123456"]}),
        ("8", 4002, {"recipientAddressList": ["++436600000001"]}),
        ("8", 4002, {"recipientAddressList": ["43 660 0000001"]}),
        ("8", 4002, {"recipientAddressList": ["٤٣٦٦٠٠٠٠٠٠٠١"]}),
        ("8", 4002, {"recipientAddressList": [NUMBER, None]}),
        ("8", 4002, {"recipientAddressList": [True]}),
        ("8", 4002, {"recipientAddressList": [43660000.5]}),
        ("9", 4019, {"messageContent": ...}),
        ("9", 4019, {"messageContent": None}),
        ("10", 4009, {"messageContent": ""}),
        ("10", 4009, {"messageContent": " \n\t"}),
        ("10", 4009, {"messageContent": 5}),
        ("10", 4009, {"messageContent": ["a"]}),
        ("10", 4009, {"messageContent": "\ud83d"}),
        ("13", 4004, {"messageType": "fax"}),
        ("13", 4004, {"messageType": 1}),
        ("14", 4003, {"senderAddressType": "other"}),
        ("15", 4003, {"senderAddress": "TwelveLetter"}),
        ("15", 4003, {"senderAddress": 5}),
        ("15", 4003, {"senderAddress": "+"}),
        ("15", 4003, {"senderAddress": "Example", "senderAddressType": "international"}),
        ("16", 4015, {"priority": 10}),
        ("16", 4015, {"priority": -1}),
        ("16", 4015, {"priority": 1.5}),
        ("16", 4015, {"priority": "high"}),
        ("16", 4015, {"priority": True}),
        ("18", 4016, {"notificationCallbackUrl": "hook"}),
        ("18", 4016, {"notificationCallbackUrl": "ftp://example.com/"}),
        ("18", 4016, {"notificationCallbackUrl": "http://"}),
        ("18", 4016, {"notificationCallbackUrl": "http://example.com:99999/"}),
        ("18", 4016, {"notificationCallbackUrl": 1}),
        ("19", 4040, {"contentCategory": "personal"}),
        ("20", 4041, {"validityPeriode": 59}),
        ("20", 4041, {"validityPeriode": 259201}),
        ("20", 4041, {"validityPeriode": "1h"}),
        ("21", 4026, {"maxSmsPerMessage": 256}),
        ("21", 4026, {"maxSmsPerMessage": -1}),
        ("22", 4026, {"maxSmsPerMessage": 1, "messageContent": "a" * 161}),
        ("22", 4026, {"messageContent": "a" * (153 * 255 + 1)}),
        ("boolean", 4000, {"test": "maybe"}),
        ("boolean", 4000, {"sendAsFlashSms": 1}),
    ],
)
async def test_rows_of_text(client: Client, row: str, code: int, changes: dict[str, Any], strict: bool) -> None:
    client.sim.settings.strict = strict
    refused(await client.send(clientMessageId="m-1", **changes), code)
    assert client.sim.refused[-1].row == row
    assert client.sim.messages == []


@pytest.mark.parametrize("value", [5, True, ["a"], "x" * 256])
async def test_client_message_id(client: Client, value: object) -> None:
    answer = await client.send(clientMessageId=value)
    refused(answer, 4008, value if isinstance(value, str) else None)
    assert (await client.send(clientMessageId="x" * 255)).code == 2000


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"5"])
async def test_no_object(client: Client, body: bytes) -> None:
    refused(await client.call("/rest/smsmessaging/text", body), 4000, None)
    client.sim.settings.empty_body_is_4120 = True
    code = (await client.call("/rest/smsmessaging/text", body)).code
    assert code == (4120 if body == b"null" else 4000)
    assert (await client.call("/rest/smsmessaging/text", b"")).code == 4120


@pytest.mark.parametrize(
    "content",
    [
        "SGVsbG8=",
        [],
        [5],
        ["not base64"],
        ["SGVsbG8"],
        [""],
        [base64.b64encode(b"x" * 141).decode()],
    ],
)
async def test_binary_segments(client: Client, content: object) -> None:
    refused(await client.send(path=BINARY, messageContent=content, clientMessageId="m-1"), 4027)


async def test_user_data_header(client: Client) -> None:
    def element(*octets: int) -> str:
        return base64.b64encode(bytes(octets)).decode()

    async def send(content: str) -> int:
        return (await client.send(path=BINARY, messageContent=[content], userDataHeaderPresent=True)).code

    assert await send(element(5, 0, 3)) == 4027
    assert await send(element(0, 1, 2)) == 2000
    assert await send(element(5, 0, 3, 1, 1, 1)) == 2000


@pytest.mark.parametrize(
    ("account", "changes", "code"),
    [
        ({"ip_limit": (10.0, 0)}, {}, 4023),
        ({"rate_limit": (10.0, 0)}, {}, 4012),
        ({"rate_limit": (10.0, 0), "codes": {"4": 4024}}, {}, 4024),
        ({"rights": frozenset({"api", "sms"})}, {"messageType": "voice"}, 4004),
        ({"senders": ("436600000099", "Example")}, {"senderAddress": "436600000098"}, 4003),
        ({"max_priority": 4}, {"priority": 5}, 4015),
        ({"allowed_prefixes": ("41", "49")}, {}, 4029),
        ({"blacklist": (NUMBER,)}, {}, 4031),
        ({"blacklist": (f"{NUMBER}:informational",)}, {}, 4031),
        ({"quality_list": (NUMBER,)}, {}, 4042),
        ({"spam_list": (NUMBER,)}, {}, 4043),
        ({"quota": 1}, {"messageContent": "a" * 161}, 4013),
    ],
)
async def test_rows_of_the_account(
    client: Client, account: dict[str, object], changes: dict[str, Any], code: int
) -> None:
    for name, value in account.items():
        setattr(client.sim.settings, name, value)
    refused(await client.send(clientMessageId="m-1", **changes), code)


async def test_good_values_at_the_bounds(client: Client) -> None:
    settings = client.sim.settings
    settings.senders = ("436600000099", "Example", "1234")
    settings.blacklist = (f"{NUMBER}:advertisement",)
    settings.strict = True
    good: tuple[dict[str, Any], ...] = (
        {"senderAddress": "436600000099", "senderAddressType": "international"},
        {"senderAddress": "Example", "senderAddressType": "alphanumeric"},
        {"senderAddress": "1234", "senderAddressType": "shortcode"},
        {"priority": 1},
        {"priority": 9},
        {"validityPeriode": 60},
        {"validityPeriode": 259200},
        {"maxSmsPerMessage": 255, "messageType": "default", "contentCategory": "informational"},
        {"notificationCallbackUrl": "https://hook:secret@bridge.example.net:8443/x?y=z"},
        {"recipientAddressList": ["12345"]},
        {"recipientAddressList": ["123456789012345"]},
        {"recipientAddressList": [NUMBER] * 1000},
        {"test": True, "sendAsFlashSms": False},
    )
    for changes in good:
        answer = await client.send(**changes)
        assert answer.code in {2000, 2001}, (changes, answer.json)


async def test_mixed_lists(client: Client) -> None:
    client.sim.settings.blacklist = (NUMBER,)
    assert (await client.send(recipientAddressList=[NUMBER, "436600000002"])).code == 2000
    client.sim.settings.mixed_lists = "refuse"
    assert (await client.send(recipientAddressList=[NUMBER, "436600000002"])).code == 4031


async def test_the_order_is_a_setting(client: Client) -> None:
    wrong: dict[str, Any] = {"priority": 10, "contentCategory": "x"}
    assert (await client.send(**wrong)).code == 4015
    client.sim.settings.check_order = ("19",)
    assert (await client.send(**wrong)).code == 4040


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.sampled_from([NUMBER, "+" + NUMBER, "default", "AA==", "http://a", "true", "0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)  # fmt: skip
_BODIES = st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(KNOWN["text"] | KNOWN["binary"] | {"other"}), _JSON))


@given(kind=st.sampled_from(["text", "binary"]), value=_BODIES | _JSON, strict=st.booleans())
def test_no_body_upsets_the_checks(kind: str, value: object, strict: bool) -> None:
    settings = SimulatorSettings(strict=strict, blacklist=("1",), quality_list=("1",), senders=("Example",))
    read = submission(kind, value)
    ledger = Ledger(settings, Clock(lambda: 0.0))
    case = Case(submission=read, account=settings, settings=settings, ledger=ledger, peer="127.0.0.1")
    refusal = refuse(case)
    if refusal is None:
        assert read.recipients
        assert case.parts >= 1
    else:
        answer = Answer(code=refusal.code, message=refusal.message, client_message_id=read.client_message_id)
        assert json.loads(render(answer, "json"))["statusCode"] == refusal.code


def test_row_names_are_unique() -> None:
    assert len({check.row for check in CHECKS}) == len(CHECKS)
