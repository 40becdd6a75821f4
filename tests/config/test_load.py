"""What a good configuration becomes, and the defaults that code, schema and shipped file share."""

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bridge import config
from bridge.config import route_keys, schema
from bridge.config.document import Document
from bridge.config.problems import Collector
from bridge.config.reading import Files, Place
from tests.config import setup

SHIPPED = Path(__file__).parents[2] / "config"
ONLY_SHIPPED = {
    ("", "hostname"),
    ("", "domains"),
    ("", "postmaster"),
    ("websms", "token_file"),
    ("webhook", "secret_file"),
    ("smarthost", "host"),
}
"""Keys that every site must set: the shipped file shows an example in use, not a default."""

CLASSES: dict[str, Any] = {
    "": config.Settings,
    "smtpd": config.SmtpdSettings,
    "websms": config.WebsmsSettings,
    "webhook": config.WebhookSettings,
    "smarthost": config.SmarthostSettings,
    "spool": config.SpoolSettings,
    "limits": config.LimitsSettings,
    "notices": config.NoticesSettings,
    "console": config.ConsoleSettings,
}


def edited(tmp_path: Path, **files: str) -> Path:
    """The good configuration with text put after the end of some of its files."""
    path = setup.put(tmp_path, setup.GOOD)
    for name, text in files.items():
        file = tmp_path / {"bridge": "bridge.toml", "routes": "routes.toml"}.get(name, name)
        setup.private(file, file.read_text() + text)
    return path


def test_a_good_configuration(tmp_path: Path) -> None:
    loaded = config.load(setup.put(tmp_path, setup.GOOD), {})
    assert loaded.path == tmp_path / "bridge.toml"
    assert loaded.settings.domains == ("sms.example.com",)
    assert loaded.settings.smtpd.listen == (config.Endpoint(host="127.0.0.1", port=8025),)
    assert loaded.settings.spool.url == f"sqlite:{tmp_path}/smsbridge.db"
    assert loaded.settings.key_file == tmp_path / "smsbridge.key"
    assert [route.name for route in loaded.routes] == ["anna@sms.example.com"]
    assert loaded.users["monitoring"].addresses == {"alarm@example.com"}
    assert loaded.users["monitoring"].domains == {"monitoring.example.com"}
    assert loaded.users["anna"].hash == setup.argon2_hash()
    assert loaded.secrets.websms_token is not None
    assert len(loaded.secrets.webhook) == 1
    assert loaded.keys == ()
    assert loaded.warnings == ()


def test_a_configuration_does_not_print_its_secrets(tmp_path: Path) -> None:
    loaded = config.load(setup.put(tmp_path, setup.GOOD), {})
    said = repr(loaded)
    assert str(loaded.secrets.websms_token) not in said
    assert loaded.secrets.webhook[0] not in said
    assert setup.argon2_hash() not in said


def test_routes_are_read_with_the_defaults_of_the_site(tmp_path: Path) -> None:
    path = edited(
        tmp_path,
        routes='[[route]]\naddress = "*@SMS.example.com"\nnumber = "{local}"\nallow = ["user:anna", "2001:db8::/32"]\n'
        '[[route]]\nline = "0660 0000099"\nmailbox = "Team@Example.com"\nsender = "ALARM"\n',
    )
    first, second, third = config.load(path, {}).routes
    assert first.numbers == ("436600000001",)
    assert first.countries == ("AT",)
    assert first.allow.users == {"anna"}
    assert first.allow.domains == {"example.com"}
    assert (second.address, second.local, second.numbers) == ("*@sms.example.com", True, ())
    assert (third.line, third.name, third.mailbox) == ("436600000099", "436600000099", "team@example.com")
    assert third.originator == "ALARM"


def test_the_originator_is_the_rows_own_else_its_line_else_the_accounts(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    bridge = path.read_text().replace("[webhook]", 'sender = "0660 0000098"\n[webhook]')
    setup.private(path, bridge)
    setup.private(
        tmp_path / "routes.toml",
        '[[route]]\nline = "1234"\nmailbox = "a@example.com"\nsender = "ALARM"\n'
        '[[route]]\nline = "0660 0000099"\nmailbox = "a@example.com"\n'
        '[[route]]\nnumber = "0660 0000001"\nmailbox = "a@example.com"\n',
    )
    found = [route.originator for route in config.load(path, {}).routes]
    assert found == ["ALARM", "436600000099", "436600000098"]


def test_listeners_may_be_tables(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    listen = 'listen = ["[::1]:8025", { address = "localhost:0", mode = "plain" }, { address = "127.0.0.1:26" }]\n'
    setup.private(path, path.read_text().replace("[smtpd]\n", f"[smtpd]\n{listen}"))
    assert config.load(path, {}).settings.smtpd.listen == (
        config.Endpoint(host="::1", port=8025),
        config.Endpoint(host="localhost", port=0, mode="plain"),
        config.Endpoint(host="127.0.0.1", port=26),
    )


def test_names_inside_an_organisation_and_of_other_scripts_are_domains(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    text = path.read_text().replace('["sms.example.com"]', '["SMS.Bücher.example", "sms.firma.local", "sms.lan"]')
    setup.private(path, text.replace("postmaster@example.com", "postmaster@büro.test"))
    routes = tmp_path / "routes.toml"
    setup.private(routes, routes.read_text().replace("anna@sms.example.com", "Änna@sms.bücher.example"))
    loaded = config.load(path, {})
    assert loaded.settings.domains == ("sms.xn--bcher-kva.example", "sms.firma.local", "sms.lan")
    assert loaded.settings.postmaster == "postmaster@xn--bro-hoa.test"
    assert loaded.routes.rows[0].address == "änna@sms.xn--bcher-kva.example"


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
    assert loaded.warnings == ()


def test_every_line_of_the_webhook_secret_and_of_the_key_file_counts(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    secrets = ["a-made-up-secret-1", "a-made-up-secret-2"]
    setup.private(tmp_path / "webhook-secret", "\n".join(secrets) + "\r\n\n")
    setup.private(tmp_path / "smsbridge.key", "k" * 32 + "\n" + "l" * 64 + "\n")
    loaded = config.load(path, {})
    assert loaded.secrets.webhook == tuple(secrets)
    assert loaded.keys == (b"k" * 32, b"l" * 64)


def test_what_is_doubtful_is_a_warning(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    text = path.read_text().replace('public_url = "https://hooks.example.com"\n', "")
    setup.private(path, text.replace("[webhook]", "test = true\n[webhook]"))
    for name in ("websms-token", "users"):
        (tmp_path / name).chmod(0o644)
    assert [str(warning) for warning in config.load(path, {}).warnings] == [
        "bridge.toml:6: smtpd.users_file: the file can be read or changed by others (mode 0644); "
        "allow its owner and at most its group to read: chmod 640",
        "bridge.toml:9: websms.token_file: the file can be read or changed by others (mode 0644); "
        "allow its owner and at most its group to read: chmod 640",
        "bridge.toml:11: websms.test: test mode: the provider checks everything and sends nothing; false sends",
        "bridge.toml:12: webhook.public_url: is not set: no delivery reports will come; "
        'write for example "https://hooks.example.com"',
    ]


def test_a_byte_order_mark_and_windows_lines_do_no_harm(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    for name in ("bridge.toml", "routes.toml", "users"):
        file = tmp_path / name
        setup.private(file, b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert len(config.load(path, {}).routes) == 1


def test_a_certificate_is_loaded_to_see_that_it_can_be(tmp_path: Path) -> None:
    import trustme

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


def test_the_shipped_files_load_once_the_secrets_exist(tmp_path: Path) -> None:
    path = setup.put(tmp_path, SHIPPED)
    loaded = config.load(path, {})
    assert len(loaded.routes) == 5
    assert [warning.key for warning in loaded.warnings] == ["webhook.public_url"]


def shipped() -> tuple[dict[str, dict[str, object]], dict[str, dict[str, object]]]:
    """The keys in use, and those that are commented out, of the shipped bridge.toml by section."""
    text = (SHIPPED / "bridge.toml").read_text()
    used, all_ = sections(text), sections(re.sub(r"^#(?=[a-z_]+ = )", "", text, flags=re.MULTILINE))
    return used, {name: {key: value for key, value in all_[name].items() if key not in used[name]} for name in all_}


def sections(text: str) -> dict[str, dict[str, object]]:
    data = tomllib.loads(text)
    found = {name: value for name, value in data.items() if isinstance(value, dict)}
    return {"": {name: value for name, value in data.items() if name not in found}, **found}


def test_the_shipped_file_holds_every_setting_and_nothing_else() -> None:
    used, commented = shipped()
    assert list(used) == list(schema.SCHEMA)
    for name, keys in schema.SCHEMA.items():
        assert sorted({**used[name], **commented[name]}) == sorted(key.name for key in keys), name


def test_the_shipped_file_shows_the_defaults_and_comments_out_what_has_none() -> None:
    used, commented = shipped()
    for name, keys in schema.SCHEMA.items():
        for key in keys:
            if (name, key.name) in ONLY_SHIPPED:
                assert key.name in used[name]
            elif key.default is None:
                assert key.name in commented[name], (name, key.name)
            else:
                assert used[name][key.name] == key.default, (name, key.name)


def test_the_shipped_file_explains_every_setting() -> None:
    text = (SHIPPED / "bridge.toml").read_text()
    for keys in schema.SCHEMA.values():
        for key in keys:
            pattern = rf"^# {re.escape(key.sentence)}\n(?:# [^\n]*\n)*#?{key.name} = "
            assert re.search(pattern, text, re.MULTILINE), key.name


def test_settings_and_schema_have_the_same_keys_and_defaults(tmp_path: Path) -> None:
    document = Document("bridge.toml", {}, {})
    place = Place(document=document, collector=Collector(), files=Files(base=tmp_path))
    for name, keys in schema.SCHEMA.items():
        fields = {field.name: field for field in dataclasses.fields(CLASSES[name]) if field.name not in schema.SCHEMA}
        assert sorted(fields) == sorted(key.name for key in keys), name
        for key in keys:
            if key.required and key.name != "secret_file":
                continue
            expected = fields[key.name].default
            if isinstance(expected, Path):
                expected = tmp_path / expected
            if key.name == "url" and name == "spool":
                expected = f"sqlite:{tmp_path}/smsbridge.db"
            found = None if key.default is None else key.read(key.default, place)
            assert found == expected, (name, key.name)


def test_every_key_of_a_route_has_a_sentence_and_a_default_that_its_reader_takes(tmp_path: Path) -> None:
    place = Place(document=Document("routes.toml", {}, {}), collector=Collector(), files=Files(base=tmp_path))
    for key in route_keys.ROUTE_KEYS:
        assert key.sentence.endswith("."), key.name
        if key.default is not None:
            key.read(key.default, place)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ('keep_text = "90s"', 90.0),
        ('keep_text = "15m"', 900.0),
        ('keep_text = "72h"', 259200.0),
        ('keep_text = "7d"', 604800.0),
    ],
)
def test_durations(tmp_path: Path, written: str, means: float) -> None:
    assert config.load(edited(tmp_path, bridge=f"[spool]\n{written}\n"), {}).settings.spool.keep_text == means


def test_rates(tmp_path: Path) -> None:
    text = '[limits]\nsender = "0"\nrecipient = 0\nroute = "5/h"\ntotal = "1000/d"\n'
    limits = config.load(edited(tmp_path, bridge=text), {}).settings.limits
    assert limits.sender.count == limits.recipient.count == 0
    assert (limits.route, limits.total) == (
        config.Rate(count=5, seconds=3600.0),
        config.Rate(count=1000, seconds=86400.0),
    )


def test_a_second_address_of_a_person_may_repeat_the_mailbox(tmp_path: Path) -> None:
    again = (setup.GOOD / "routes.toml").read_text().replace("anna@sms", "anna.example@sms")
    assert len(config.load(edited(tmp_path, routes=again), {}).routes) == 2


def test_ten_thousand_routes(tmp_path: Path) -> None:
    rows = (
        f'[[route]]\naddress = "a{n}-*@sms.example.com"\nnumber = "+43660{n:07d}"\n'
        f'allow = ["*@example.com"]\nmailbox = "a{n}@example.com"\n'
        for n in range(10, 5_010)
    )
    plain = (
        f'[[route]]\naddress = "b{n}@sms.example.com"\nnumber = ["+43660{n:07d}"]\nallow = ["192.0.2.{n % 256}"]\n'
        for n in range(10_000, 15_000)
    )
    path = edited(tmp_path, routes="".join([*rows, *plain]))
    loaded = config.load(path, {})
    assert len(loaded.routes) == 10_001
    found = loaded.routes.by_address("a5009-web@sms.example.com")
    assert found is not None
    assert found.numbers == ("436600005009",)
