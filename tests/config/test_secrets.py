"""The files that hold secrets."""

from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from bridge import config
from bridge.config import secrets
from bridge.config.bridge_toml import Section
from bridge.config.reading import Files, Place
from bridge.config.settings import Endpoint, Secrets
from tests.config import setup


def test_secrets_come_from_the_credentials_directory_first(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    token = credentials / "websms-token"
    token.write_text("from-systemd\n")
    token.chmod(0o440)  # as systemd shows its access list
    (tmp_path / "etc").mkdir()
    path = setup.put(tmp_path / "etc", setup.GOOD)
    beside = config.load(path, {}).secrets.websms_token
    loaded = config.load(path, {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert loaded.secrets.websms_token == "from-systemd"
    assert beside != "from-systemd"
    assert "websms.token_file" not in [one.key for one in loaded.warnings]


def test_a_token_that_is_only_a_comment_is_warned_of(tmp_path: Path) -> None:
    """As the Debian package leaves it, so that the service may run before there is an account."""
    path = setup.put(tmp_path, setup.GOOD)
    setup.private(tmp_path / "websms-token", "# no token yet\n")
    (warning,) = [one for one in config.load(path, {}).warnings if one.key == "websms.token_file"]
    assert "holds a comment and no token" in str(warning)


def test_every_line_of_the_webhook_secret_and_of_the_key_file_counts(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    written = ["a-made-up-secret-1", "a-made-up-secret-2"]
    setup.private(tmp_path / "webhook-secret", "\n".join(written) + "\r\n\n")
    setup.private(tmp_path / "smsbridge.key", "k" * 32 + "\n" + "l" * 64 + "\n")
    loaded = config.load(path, {})
    assert loaded.secrets.webhook == tuple(written)
    assert loaded.keys == (b"k" * 32, b"l" * 64)


def test_a_certificate_is_loaded_to_see_that_it_can_be(tmp_path: Path) -> None:
    authority = trustme.CA()
    one, other = authority.issue_cert("sms.example.com"), authority.issue_cert("sms.example.com")
    path = setup.put(tmp_path, setup.GOOD)
    setup.private(tmp_path / "chain.pem", one.cert_chain_pems[0].bytes())
    setup.private(tmp_path / "key.pem", one.private_key_pem.bytes())
    setup.private(tmp_path / "other.pem", other.private_key_pem.bytes())
    tls = 'tls_certificate = "chain.pem"\ntls_key = "key.pem"\nrequire_tls = true\n'
    setup.private(path, path.read_text().replace("[smtpd]\n", f"[smtpd]\n{tls}"))
    assert config.load(path, {}).settings.smtpd.tls_key == tmp_path / "key.pem"
    setup.private(path, path.read_text().replace('"key.pem"', '"other.pem"'))
    with pytest.raises(config.ConfigError, match="cannot be used together"):
        config.load(path, {})


def section(place: Place, **files: object) -> Section:
    """A section that names these files."""
    return Section(dict(files), frozenset(files), place)


def said(place: Place) -> list[str]:
    return [str(problem) for problem in place.collector.problems]


def all_read(place: Place, **files: object) -> Secrets:
    """What is read of these files, each named as section and key: ``websms_token_file=…``."""
    names = ("smtpd", "websms", "webhook", "smarthost", "spool")
    sections = {
        name: section(
            place.at(name),
            **{key.removeprefix(f"{name}_"): path for key, path in files.items() if key.startswith(f"{name}_")},
        )
        for name in names
    }
    return secrets.read(sections)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o440, 0o700, 0o750])
def test_files_of_the_owner_and_readable_for_its_group_are_right(tmp_path: Path, mode: int) -> None:
    here = setup.place(tmp_path)
    path = setup.private(tmp_path / "token", "x")
    path.chmod(mode)
    secrets.refuse_if_open(path, here)
    assert here.collector.problems == ()


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620, 0o660, 0o602, 0o601, 0o777])
def test_row_131_files_open_to_others_are_refused(tmp_path: Path, mode: int) -> None:
    here = setup.place(tmp_path)
    path = setup.private(tmp_path / "token", "x")
    path.chmod(mode)
    secrets.refuse_if_open(path, here.at("token_file"))
    (problem,) = here.collector.problems
    assert problem.key == "token_file"
    assert f"(mode {mode:04o})" in problem.message
    assert "chmod 640" in problem.hint


def test_only_the_credentials_themselves_are_exempt(tmp_path: Path) -> None:
    here = setup.place(tmp_path)
    files = Files(base=tmp_path, credentials=tmp_path / "credentials")
    (tmp_path / "credentials" / "sub").mkdir(parents=True)
    guarded = Place(document=here.document, collector=here.collector, files=files)
    for name, refused in (("credentials/a", False), ("credentials/sub/a", True), ("a", True)):
        path = setup.private(tmp_path / name, "x")
        path.chmod(0o644)
        secrets.refuse_if_open(path, guarded.at(name))
        assert (name in [one.key for one in here.collector.problems]) is refused


def test_a_file_that_is_not_there_is_not_open(tmp_path: Path) -> None:
    here = setup.place(tmp_path)
    for name in ("nothing", "x" * 5000, "a\x00b"):
        secrets.refuse_if_open(tmp_path / name, here)
    assert here.collector.problems == ()


def test_lines_that_are_not_blank_with_their_numbers(tmp_path: Path) -> None:
    path = setup.private(tmp_path / "x", b"\xef\xbb\xbf one \r\n\n \t\ntwo\r\n\nthr ee")
    assert secrets.lines(path, setup.place(tmp_path)) == [(1, "one"), (4, "two"), (6, "thr ee")]
    assert secrets.lines(setup.private(tmp_path / "y", "\n \n"), setup.place(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [("nothing", "there is no such file"), (".", "this is a directory"), ("binary", "it is not UTF-8 text")],
)
def test_a_file_without_lines_is_a_problem_at_its_key(tmp_path: Path, name: str, says: str) -> None:
    setup.private(tmp_path / "binary", b"\xff\xfe")
    here = setup.place(tmp_path, "token_file = 1\n")
    assert secrets.lines(tmp_path / name, here.at("token_file")) is None
    (problem,) = here.collector.problems
    assert (problem.line, problem.key, problem.message) == (1, "token_file", says)
    assert problem.hint


@pytest.mark.parametrize(
    ("content", "secret", "says"),
    [
        ("made-up", "made-up", ""),
        ("\n  made-up \r\n\n", "made-up", ""),
        ("", None, "the file is empty"),
        (" \n\t\n", None, "the file is empty"),
        ("made-up-1\nmade-up-2\n", None, "the file holds 2 lines"),
        ("made-up\x00", None, "the file holds control characters"),
        ("made-up\x1b[A", None, "the file holds control characters"),
    ],
)
def test_a_token_or_password_is_the_only_line(tmp_path: Path, content: str, secret: str | None, says: str) -> None:
    here = setup.place(tmp_path)
    path = setup.private(tmp_path / "x", content)
    found = all_read(here, websms_token_file=path, websms_password_file=path, smarthost_password_file=path)
    assert {found.websms_token, found.websms_password, found.smarthost_password} == {secret}
    keys = ["websms.token_file", "websms.password_file", "smarthost.password_file"]
    assert [(one.key, one.message) for one in here.collector.problems] == [(key, says) for key in keys if says]
    assert "made-up" not in "".join(said(here))


def test_a_password_may_hold_any_letters_and_a_token_only_those_that_tokens_have(tmp_path: Path) -> None:
    here = setup.place(tmp_path)
    path = setup.private(tmp_path / "x", "größe made-up")
    found = all_read(here, websms_token_file=path, websms_password_file=path, smarthost_password_file=path)
    assert (found.websms_token, found.websms_password, found.smarthost_password) == (None, *["größe made-up"] * 2)
    (problem,) = here.collector.problems
    assert problem.key == "websms.token_file"
    assert "made-up" not in str(problem)


def test_what_is_not_named_is_not_there(tmp_path: Path) -> None:
    here = setup.place(tmp_path)
    assert all_read(here) == Secrets()
    assert secrets.keys(section(here)) == ()
    assert here.collector.problems == here.collector.warnings == ()


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("0123456789abcdef", []),
        ("0123456789abcdef\n\nABCDEFGHIJKLMN-_\n", []),
        ("", ["bridge.toml: webhook.secret_file: the file is empty"]),
        ("0123456789abcde", ["hook:1: a secret must have at least 16 characters"]),
        ("0123456789abcdef\n\nshort", ["hook:3: a secret must have at least 16 characters"]),
        ("0123456789abcdef/", ["hook:1: a secret may hold only letters, digits, - and _"]),
        ("0123456789abcdef?x=y", ["hook:1: a secret may hold only letters, digits, - and _"]),
        ("0123456789 abcdef", ["hook:1: a secret may hold only letters, digits, - and _"]),
        ("0123456789abcdeß", ["hook:1: a secret may hold only letters, digits, - and _"]),
    ],
)
def test_secrets_of_the_webhook_fit_into_its_address(tmp_path: Path, content: str, problems: list[str]) -> None:
    here = setup.place(tmp_path)
    found = all_read(here, webhook_secret_file=setup.private(tmp_path / "hook", content))
    assert [one.partition(";")[0] for one in said(here)] == problems
    if not problems:
        assert found.webhook == tuple(content.split())


def test_keys_are_the_lines_of_their_file_newest_first(tmp_path: Path) -> None:
    here = setup.place(tmp_path)
    path = setup.private(tmp_path / "smsbridge.key", "n" * 32 + "\n" + "o" * 64 + "\n")
    assert secrets.keys(section(here, key_file=path)) == (b"n" * 32, b"o" * 64)
    assert here.collector.problems == ()


def test_a_key_file_that_is_not_made_yet_is_no_problem(tmp_path: Path) -> None:
    here = setup.place(tmp_path)
    assert secrets.keys(section(here, key_file=tmp_path / "smsbridge.key")) == ()
    assert here.collector.problems == ()


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("\n", ["bridge.toml: key_file: the file is empty"]),
        ("k" * 31, ["smsbridge.key:1: a key must have at least 32 characters"]),
        ("k" * 32 + "\n\n" + "k" * 31, ["smsbridge.key:3: a key must have at least 32 characters"]),
        (b"\xff" * 40, ["bridge.toml: key_file: it is not UTF-8 text"]),
    ],
)
def test_keys_that_cannot_sign(tmp_path: Path, content: str | bytes, problems: list[str]) -> None:
    here = setup.place(tmp_path)
    secrets.keys(section(here, key_file=setup.private(tmp_path / "smsbridge.key", content)))
    assert [one.partition(";")[0] for one in said(here)] == problems
    assert "kkk" not in "".join(said(here))


def test_a_key_file_that_cannot_be_read_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    here = setup.place(tmp_path)
    for path in (tmp_path, tmp_path / ("x" * 5000)):
        assert secrets.keys(section(here, key_file=path)) == ()
    assert len(said(here)) == 2


def test_a_key_with_a_password_is_refused_without_asking_for_it(tmp_path: Path) -> None:
    here = setup.place(tmp_path)
    made = trustme.CA().issue_cert("sms.example.com")
    chain = setup.private(tmp_path / "chain.pem", made.cert_chain_pems[0].bytes())
    locked = serialization.load_pem_private_key(made.private_key_pem.bytes(), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"made-up"),
    )
    key = setup.private(tmp_path / "key.pem", locked)
    all_read(here, smtpd_tls_certificate=chain, smtpd_tls_key=key)
    (problem,) = here.collector.problems
    assert (problem.key, problem.message) == ("smtpd.tls_certificate", "certificate and key cannot be used together")


def test_row_131_an_open_key_of_the_certificate_is_refused_and_missing_files_are_said_each(tmp_path: Path) -> None:
    here = setup.place(tmp_path)
    key = setup.private(tmp_path / "key.pem", "x")
    key.chmod(0o644)
    all_read(here, smtpd_tls_certificate=tmp_path / "no.pem", smtpd_tls_key=key)
    assert [(one.key, one.message) for one in here.collector.problems] == [
        ("smtpd.tls_key", "the file can be read or changed by others (mode 0644)"),
        ("smtpd.tls_certificate", "there is no such file"),
    ]


@pytest.mark.parametrize("content", [None, b"x", b"\xff", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"])
def test_authorities_of_clients_are_loaded_as_the_listener_will(tmp_path: Path, content: bytes | None) -> None:
    here = setup.place(tmp_path)
    authority = trustme.CA()
    good = setup.private(tmp_path / "good.pem", authority.cert_pem.bytes())
    bad = tmp_path / "bad.pem"
    if content is not None:
        setup.private(bad, content)
    listen = [Endpoint(host="localhost", port=0, client_ca=file) for file in (good, bad)]
    all_read(here, smtpd_listen=listen)
    (problem,) = here.collector.problems
    assert (problem.key, problem.hint != "") == ("smtpd.listen", True)
    assert problem.message.startswith("client_ca")
