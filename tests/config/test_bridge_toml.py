"""bridge.toml: what its keys mean together. Each case is a good file with one section changed."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config import bridge_toml, schema
from bridge.config.reading import Place
from tests.config import setup

SECTIONS = {
    "": 'domains = ["sms.example.com"]\npostmaster = "postmaster@example.com"',
    "smtpd": "",
    "websms": 'token_file = "websms-token"',
    "webhook": 'secret_file = "webhook-secret"\npublic_url = "https://hooks.example.com"',
    "smarthost": 'host = "mail.example.com"',
    "spool": "",
    "console": "",
}


def written(**changes: str) -> Place:
    """A file with some sections replaced; ``top`` is what stands before the first."""
    wanted = SECTIONS | {name.replace("top", ""): text for name, text in changes.items()}
    return setup.place(toml="\n".join(f"[{name}]\n{text}" if name else text for name, text in wanted.items()))


def read(place: Place) -> list[str]:
    """Problems, then warnings, without their places and hints."""
    bridge_toml.read(place)
    found = [*place.collector.problems, *(place.collector.warnings)]
    assert all(one.hint and one.message for one in found)
    return [f"{one.key}: {one.message}" for one in found]


def test_a_good_file_becomes_settings() -> None:
    place = written(smtpd='listen = ["[::1]:2525"]', limits='total = "5/s"')
    sections = bridge_toml.read(place)
    assert place.collector.problems == place.collector.warnings == ()
    found = bridge_toml.settings(sections)
    assert found.domains == ("sms.example.com",)
    assert [(one.host, one.port) for one in found.smtpd.listen] == [("::1", 2525)]
    assert (found.limits.total.count, found.limits.total.seconds) == (5, 1.0)
    assert found.websms.token_file == Path("/nowhere/websms-token")
    assert found.smarthost.host == "mail.example.com"
    assert sections["smtpd"].written == {"listen"}
    assert sections["smtpd"].says("listen", "tls_key") == ["listen"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"smtpd": 'tls_key = "k"'}, ["smtpd.tls_key: there is a key but no certificate"]),
        ({"smtpd": 'tls_certificate = "c"'}, ["smtpd.tls_certificate: there is a certificate but no key"]),
        ({"smtpd": 'require_tls = true\ntls_certificate = "c"\ntls_key = "k"'}, []),
        ({"smtpd": "require_tls = true"}, ["smtpd.require_tls: TLS is required but there is no certificate"]),
        (
            {"smtpd": 'listen = ["[::1]:1", { address = "[::1]:2", mode = "implicit" }]'},
            ["smtpd.listen: the mode «implicit» needs a certificate"],
        ),
        ({"websms": ""}, ["websms.token_file: is missing"]),
        ({"websms": 'username = "anna"\npassword_file = "p"'}, []),
        (
            {"websms": 'username = "an:na"\npassword_file = "p"'},
            ["websms.username: a colon cannot be part of it"],
        ),
        ({"websms": 'username = "anna"'}, ["websms.username: there is no password_file for it"]),
        ({"websms": 'password_file = "p"'}, ["websms.password_file: there is no username for it"]),
        ({"websms": 'token_file = "t"\nusername = "a"'}, ["websms.username: there is a token_file as well"]),
        ({"websms": 'token_file = "t"\npassword_file = "p"'}, ["websms.password_file: there is a token_file as well"]),
        ({"websms": "token_file = 5"}, ["websms.token_file: this must be text"]),
        (
            {"websms": 'token_file = "t"\ntest = true'},
            ["websms.test: test mode: the provider checks everything and sends nothing"],
        ),
        ({"webhook": 'secret_file = "s"'}, ["webhook.public_url: is not set: no delivery reports will come"]),
        ({"smarthost": ""}, ["smarthost.host: is missing"]),
        ({"smarthost": 'maildir = "m"'}, []),
        ({"smarthost": 'maildir = "m"\nhost = "h"'}, ["smarthost.maildir: there is a host as well"]),
        (
            {"smarthost": 'maildir = "m"\nport = 25\ntls = "none"\nusername = "a"'},
            [
                "smarthost.port: a maildir has no use for it",
                "smarthost.tls: a maildir has no use for it",
                "smarthost.username: a maildir has no use for it",
            ],
        ),
        ({"smarthost": 'host = "h"\nusername = "a"'}, ["smarthost.username: there is no password_file for it"]),
        ({"smarthost": 'host = "h"\npassword_file = "p"'}, ["smarthost.password_file: there is no username for it"]),
        ({"smarthost": 'host = "h"\ntls = "none"'}, []),
        ({"smarthost": 'host = "h"\nusername = "a"\npassword_file = "p"'}, []),
        (
            {"smarthost": 'host = "h"\nusername = "a"\npassword_file = "p"\ntls = "none"'},
            ["smarthost.tls: the password may travel unencrypted"],
        ),
        (
            {"smarthost": 'host = "h"\nusername = "a"\npassword_file = "p"\ntls = "opportunistic"'},
            ["smarthost.tls: the password may travel unencrypted"],
        ),
        ({"smarthost": 'host = "127.0.0.1"\nusername = "a"\npassword_file = "p"\ntls = "none"'}, []),
        ({"spool": 'password_file = "p"'}, ["spool.password_file: sqlite has no password"]),
        ({"spool": 'keep_text = "2h"\nkeep_history = "2h"'}, []),
        ({"spool": 'keep_text = "91d"'}, ["spool.keep_text: this is longer than keep_history"]),
        ({"spool": 'keep_history = "1d"'}, ["spool.keep_text: this is longer than keep_history"]),
        ({"spool": 'keep_text = "soon"\nkeep_history = "1h"'}, ["spool.keep_text: «soon» is not a duration"]),
        ({"websms": 'token_file = "t"\ntoken_in = "header"'}, []),
        (
            {"websms": 'token_file = "t"\ntoken_in = "query"'},
            ["websms.token_in: the token stands in URLs, and URLs are logged"],
        ),
        (
            {"websms": 'username = "a"\npassword_file = "p"\ntoken_in = "query"'},
            [
                "websms.token_in: only a token can go there",
                "websms.token_in: the token stands in URLs, and URLs are logged",
            ],
        ),
        ({"websms_mail": ""}, []),
        ({"websms_mail": "networks = []"}, []),
        ({"websms_mail": 'networks = ["192.0.2.0/24"]'}, ["websms_mail.address: is missing"]),
        ({"websms_mail": 'address = "x@sms.example.com"'}, ["websms_mail.networks: nobody may write to that address"]),
        ({"websms_mail": 'address = "x@sms.example.com"\nnetworks = ["192.0.2.0/24"]'}, []),
        (
            {"websms_mail": 'address = "x@example.net"\nnetworks = ["192.0.2.0/24"]'},
            ["websms_mail.address: the address is in none of our domains"],
        ),
        (
            {"websms_mail": 'address = "r+x@sms.example.com"\nnetworks = ["192.0.2.0/24"]'},
            ["websms_mail.address: the bridge needs this address itself"],
        ),
    ],
)  # fmt: skip
def test_what_keys_mean_together(changes: dict[str, str], said: list[str]) -> None:
    assert read(written(**changes)) == said


@pytest.mark.parametrize(
    ("domains", "postmaster", "said"),
    [
        ('["a.example.com", "b.example.com"]', "x@example.com", []),
        ('["a.example.com", "A.Example.com"]', "x@example.com", ["domains: «a.example.com» stands here twice"]),
        ('["a.example.com"]', "x@A.example.com", ["postmaster: «x@a.example.com» lies in one of our own domains"]),
        ('["a.example.com"]', "x@b.a.example.com", []),
    ],
)
def test_our_domains(domains: str, postmaster: str, said: list[str]) -> None:
    assert read(written(top=f'domains = {domains}\npostmaster = "{postmaster}"')) == said


@pytest.mark.parametrize(
    ("smtpd", "webhook", "collide"),
    [
        ("127.0.0.1:2525", "127.0.0.1:2525", True),
        ("localhost:2525", "LOCALHOST:2525", True),
        ("0.0.0.0:2525", "127.0.0.1:2525", True),
        ("[::1]:2525", "[::]:2525", True),
        ("0.0.0.0:2525", "0.0.0.0:2525", True),
        ("127.0.0.1:2525", "127.0.0.1:2526", False),
        ("127.0.0.1:2525", "127.0.0.2:2525", False),
        ("0.0.0.0:2525", "[::]:2525", False),
        ("[::1]:2525", "127.0.0.1:2525", False),
        ("localhost:2525", "127.0.0.1:2525", False),
        ("0.0.0.0:0", "0.0.0.0:0", False),
    ],
)
def test_two_listeners_on_one_place(smtpd: str, webhook: str, collide: bool) -> None:
    place = written(smtpd=f'listen = ["{smtpd}"]', webhook=SECTIONS["webhook"] + f'\nlisten = ["{webhook}"]')
    port = smtpd.rpartition(":")[2]
    expected = f"webhook.listen: smtpd.listen on line 4 listens on port {port} of the same host already"
    assert read(place) == [expected] * collide


def test_a_listener_may_collide_with_one_nobody_wrote() -> None:
    place = written(webhook=SECTIONS["webhook"] + '\nlisten = ["127.0.0.1:8081"]')
    assert read(place) == ["console.listen: webhook.listen on line 10 listens on port 8081 of the same host already"]


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ('secret_file = "x"', "secret_file: there is no such key; it belongs into [webhook]"),
        ("rate = 5", "rate: there is no such key; it belongs into [websms]"),
        ('username = "a"', "username: there is no such key; it belongs into [websms] or [smarthost]"),
        ('hostnam = "a"', 'hostnam: there is no such key; did you mean "hostname"?'),
        ("smtpd = 5", "smtpd: this must be a section; write [smtpd] on a line of its own and its keys below it"),
        ("smptd = {}", 'smptd: there is no section [smptd]; did you mean "smtpd"?'),
        ('"a\\u001b" = {}', f"a\ufffd: there is no section [a\ufffd]; known are {', '.join(schema.SCHEMA)[2:]}"),
    ],
)  # fmt: skip
def test_what_stands_in_the_wrong_place(top: str, said: str) -> None:
    sections = {name: text for name, text in SECTIONS.items() if name != "smtpd"}
    text = "\n".join(f"[{name}]\n{text}" if name else f"{top}\n{text}" for name, text in sections.items())
    place = setup.place(toml=text)
    bridge_toml.read(place)
    assert [str(one) for one in place.collector.problems] == [f"bridge.toml:1: {said}"]


def test_a_key_of_the_top_in_a_section() -> None:
    place = written(smtpd='hostname = "sms.example.com"')
    bridge_toml.read(place)
    (problem,) = place.collector.problems
    assert (problem.key, problem.line) == ("smtpd.hostname", 4)
    assert problem.hint == "it belongs into the top of the file"


def test_national_numbers_are_read_with_the_country_of_the_top() -> None:
    place = written(top=SECTIONS[""] + '\ncountry = "DE"', websms='token_file = "t"\nsender = "01512 3456789"')
    sections = bridge_toml.read(place)
    assert place.collector.problems == ()
    assert sections["websms"].values["sender"] == "4915123456789"


_VALUE = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False) | st.just("127.0.0.1:25"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["address", "mode", "x"]), inner),
    max_leaves=4,
)
_TABLE = st.dictionaries(
    st.sampled_from(
        ["listen", "domains", "host", "tls", "maildir", "keep_text", "tls_key", "token_file", "postmaster"]
    ),
    _VALUE,
    max_size=4,
)


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(st.sampled_from([*SECTIONS, "domains", "websms_mail", "x"]), _TABLE | _VALUE, max_size=5))
def test_no_values_break_the_reader(data: dict[str, object]) -> None:
    place = setup.place()
    place.document.data.update(data)
    bridge_toml.read(place)
    assert place.collector.problems
