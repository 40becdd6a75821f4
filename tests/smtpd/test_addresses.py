"""The envelope address parser: what is taken stays as it was written, everything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.smtpd.addresses import BadPath, parse_path

GOOD = [
    ("<anna@example.org>", "anna@example.org"),
    (" <anna@example.org>", "anna@example.org"),
    ("anna@example.org", "anna@example.org"),
    (" anna@example.org ", "anna@example.org"),
    ("<Anna.B+tag@Example.ORG>", "Anna.B+tag@Example.ORG"),
    ("<+436600000001@sms.example.com>", "+436600000001@sms.example.com"),
    ("<!#$%&'*+/?=^_`{|}~-@example.org>", "!#$%&'*+/?=^_`{|}~-@example.org"),
    ("<user%other@example.org>", "user%other@example.org"),
    ("<a!b@example.org>", "a!b@example.org"),
    ('<"a b"@example.org>', '"a b"@example.org'),
    ('<"a@b"@example.org>', '"a@b"@example.org'),
    ('<"a>b"@example.org>', '"a>b"@example.org'),
    ('<"a\\"b\\\\"@example.org>', '"a\\"b\\\\"@example.org'),
    ('<""@example.org>', '""@example.org'),
    ("<a@localhost>", "a@localhost"),
    ("<a@x-1.example>", "a@x-1.example"),
    ("<a@[192.0.2.1]>", "a@[192.0.2.1]"),
    ("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
    ("<" + "l" * 64 + "@example.org>", "l" * 64 + "@example.org"),
]

BAD = [
    "<a@=?utf-8?q?good.example?=>",
    "<=?utf-8?q?anna=40example.org?=>",
    "<=?utf-8?q?anna?=@example.org>",
    "<=?us-ascii?q?a=0D=0Ab?=@example.org>",
    "=?utf-8?b?YQ==?=@example.org",
    "<anna(comment)@example.org>",
    "<anna@(comment)example.org>",
    "(comment)<anna@example.org>",
    "<@relay.example:anna@example.org>",
    "<@a.example,@b.example:anna@example.org>",
    "<anna@example.org",
    "anna@example.org>",
    "<<anna@example.org>>",
    "<anna@example.org>>",
    "Anna <anna@example.org>",
    '"Anna" <anna@example.org>',
    "<anna@example.org>SIZE=1",
    "< anna@example.org>",
    "<anna @example.org>",
    "<anna@ example.org>",
    "<anna\t@example.org>",
    "<anna\x00@example.org>",
    "<anna\r@example.org>",
    "<anna\x1b[2J@example.org>",
    "<anna\x7f@example.org>",
    '<"anna\r\n"@example.org>',
    '<"anna@example.org>',
    '<anna"@example.org>',
    '<"anna"bert@example.org>',
    '<a."b"@example.org>',
    "<anna@bert@example.org>",
    "<.anna@example.org>",
    "<anna.@example.org>",
    "<anna..b@example.org>",
    "<@example.org>",
    "<anna@>",
    "<anna>",
    "<anna@-example.org>",
    "<anna@example-.org>",
    "<anna@example..org>",
    "<anna@example.org.>",
    "<anna@exa_mple.org>",
    "<anna@[300.0.0.1]>",
    "<anna@[IPv6:192.0.2.1]>",
    "<anna@[192.0.2.1>",
    "<anna@example.org;>",
    "<anna,bert@example.org>",
    "<group:anna@example.org;>",
    "<" + "l" * 65 + "@example.org>",
    "<a@" + "d" * 64 + ".org>",
    "<a@" + ".".join(["d" * 63] * 4) + ".org>",
    "<",
    ">",
    '"',
]


@pytest.mark.parametrize(("arg", "address"), GOOD)
@pytest.mark.parametrize("recipient", [False, True])
def test_a_good_path_is_taken_as_it_was_written(arg: str, address: str, recipient: bool) -> None:
    assert parse_path(arg, recipient=recipient).address == address
    assert parse_path(arg.encode(), recipient=recipient).address == address


@pytest.mark.parametrize("arg", BAD)
def test_a_bad_path_is_refused_with_the_status_of_its_side(arg: str) -> None:
    for recipient, status in ((False, "5.1.7"), (True, "5.1.3")):
        with pytest.raises(BadPath) as caught:
            parse_path(arg, recipient=recipient)
        assert (caught.value.code, caught.value.status) == (553, status)
        assert "anna" not in caught.value.text


def test_the_null_path_is_a_sender_only() -> None:
    assert parse_path("<>").address == ""
    assert parse_path(" <> SIZE=1").address == ""
    with pytest.raises(BadPath) as caught:
        parse_path("<>", recipient=True)
    assert caught.value.status == "5.1.3"


@pytest.mark.parametrize("arg", ["<postmaster>", "<Postmaster>", "postmaster"])
def test_postmaster_needs_no_domain_as_a_recipient_only(arg: str) -> None:
    assert parse_path(arg, recipient=True).address.lower() == "postmaster"
    with pytest.raises(BadPath) as caught:
        parse_path(arg)
    assert caught.value.status == "5.1.7"


def test_parameters_keep_the_case_of_their_values() -> None:
    path = parse_path("<a@example.org> size=5 EnvId=QqAa+2B RET=hdrs SMTPUTF8 AUTH=<>")
    assert path.params == {"SIZE": "5", "ENVID": "QqAa+2B", "RET": "hdrs", "SMTPUTF8": "", "AUTH": "<>"}
    assert parse_path("a@example.org BODY=8BITMIME").params == {"BODY": "8BITMIME"}


@pytest.mark.parametrize(
    "words",
    ["<bert@example.org>", "=5", "SIZE=", "SI_ZE=1", "SIZE=1 SIZE=2", "SIZE=\u0661", "X=a\x07", "-X=1", "X=a\tb"],
)
def test_malformed_parameters_are_refused(words: str) -> None:
    with pytest.raises(BadPath) as caught:
        parse_path(f"<a@example.org> {words}", True)
    assert (caught.value.code, caught.value.status) == (501, "5.5.4")


def test_other_scripts_need_smtputf8() -> None:
    address = "anna.müller@bücher.example"
    with pytest.raises(BadPath) as caught:
        parse_path(f"<{address}>")
    assert (caught.value.code, caught.value.status) == (553, "5.6.7")
    with pytest.raises(BadPath) as caught:
        parse_path(f"<{address}> SMTPUTF8", recipient=True)  # only MAIL can say it
    assert caught.value.status == "5.6.7"
    assert parse_path(f"<{address}> SMTPUTF8").address == address
    assert parse_path(f"<{address}>".encode(), True, recipient=True).address == address
    assert parse_path('<"ä b"@example.org>', True).address == '"ä b"@example.org'


@pytest.mark.parametrize("arg", [b"<a\xff@example.org>", "<a\udcff@example.org>", b"<a@example.org> X=\xc3"])
@pytest.mark.parametrize("recipient", [False, True])
def test_what_is_no_utf8_is_refused(arg: bytes | str, recipient: bool) -> None:
    with pytest.raises(BadPath) as caught:
        parse_path(arg, True, recipient=recipient)
    assert (caught.value.code, caught.value.status) == (553, "5.1.3")


@pytest.mark.parametrize(
    "address",
    [
        "a\u202eb@example.org",  # right-to-left override
        "a\u200bb@example.org",  # zero width space
        "a\u00a0b@example.org",
        "a\u0085b@example.org",
        "a@example\uff0eorg",  # full-width dot
        "a@example\u3002org",
        "a@\uff45xample.org",
        "a@exa\u2044mple.org",
        "a@-ü.org",
    ],
)
def test_what_only_looks_like_something_else_is_refused(address: str) -> None:
    with pytest.raises(BadPath) as caught:
        parse_path(f"<{address}>", True, recipient=True)
    assert caught.value.status == "5.1.3"


def test_limits_count_octets() -> None:
    assert parse_path("<" + "ü" * 32 + "@example.org>", True).address
    with pytest.raises(BadPath):
        parse_path("<" + "ü" * 33 + "@example.org>", True)


def answer(arg: bytes | str, utf8: bool, recipient: bool) -> str | int:
    """The address, or the code of the refusal."""
    try:
        return parse_path(arg, utf8, recipient=recipient).address
    except BadPath as bad:
        return bad.code


@given(arg=st.text(st.sampled_from('<>@".\\ =?()[]:;,abAB09-_+%!äß\u202e\x00\r\n\t'), max_size=40), utf8=st.booleans())
def test_anything_is_taken_as_written_or_refused(arg: str, utf8: bool) -> None:
    for recipient in (False, True):
        found = answer(arg, utf8, recipient)
        assert found in (501, 553) or (isinstance(found, str) and found in arg and found.isprintable())


@given(arg=st.binary(max_size=40))
def test_octets_of_any_kind_do_no_harm(arg: bytes) -> None:
    for octets in (arg, b"<" + arg + b"@example.org>"):
        found = answer(octets, True, False)
        assert found in (501, 553) or (isinstance(found, str) and found.encode() in octets)


def test_an_original_recipient_may_be_in_utf_8_where_the_mail_is() -> None:
    """RFC 6533, 3: utf-8-addr-unitext."""
    given = "<a@example.org> ORCPT=utf-8;jörg@example.org"
    assert parse_path(given, True, recipient=True).params == {"ORCPT": "utf-8;jörg@example.org"}
    for arg, wide in ((given, False), ("<a@example.org> ORCPT=utf-8;a\u2028b", True), ("<a@example.org> X=ö", True)):
        with pytest.raises(BadPath) as caught:
            parse_path(arg, wide, recipient=True)
        assert (caught.value.code, caught.value.status) == (501, "5.5.4")
