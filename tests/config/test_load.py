"""What a good configuration becomes."""

from pathlib import Path

import pytest

from bridge import config
from tests.config import setup

NO_LOGIN = "nobody can log in with a password: there is no certificate"
SHIPPED = Path(__file__).parents[2] / "config"


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
    assert [warning.message for warning in loaded.warnings] == [NO_LOGIN]


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


def test_what_is_doubtful_is_a_warning(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    text = path.read_text().replace('public_url = "https://hooks.example.com"\n', "")
    setup.private(path, text.replace("[webhook]", "test = true\n[webhook]"))
    assert [str(warning) for warning in config.load(path, {}).warnings] == [
        f"bridge.toml:6: smtpd.users_file: {NO_LOGIN}; set tls_certificate and tls_key",
        "bridge.toml:11: websms.test: test mode: the provider checks everything and sends nothing; false sends",
        "bridge.toml:12: webhook.public_url: is not set: no delivery reports will come; "
        'write for example "https://hooks.example.com"',
    ]


def test_row_131_secrets_that_others_may_read_are_refused_with_the_command_to_run(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    setup.private(tmp_path / "smsbridge.key", "k" * 32 + "\n")
    for name, mode in (("websms-token", 0o644), ("users", 0o660), ("webhook-secret", 0o604), ("smsbridge.key", 0o640)):
        (tmp_path / name).chmod(mode)
    with pytest.raises(config.ConfigError) as caught:
        config.load(path, {})
    chmod = "allow its owner and at most its group to read: chmod 640"
    assert [str(problem) for problem in caught.value.problems] == [
        f"bridge.toml:6: smtpd.users_file: the file can be read or changed by others (mode 0660); {chmod}",
        f"bridge.toml:9: websms.token_file: the file can be read or changed by others (mode 0644); {chmod}",
        f"bridge.toml:12: webhook.secret_file: the file can be read or changed by others (mode 0604); {chmod}",
    ]


def test_a_byte_order_mark_and_windows_lines_do_no_harm(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    for name in ("bridge.toml", "routes.toml", "users"):
        file = tmp_path / name
        setup.private(file, b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert len(config.load(path, {}).routes) == 1


def test_the_shipped_files_load_once_the_secrets_exist(tmp_path: Path) -> None:
    path = setup.put(tmp_path, SHIPPED)
    loaded = config.load(path, {})
    assert len(loaded.routes) == 5
    assert [warning.key for warning in loaded.warnings] == ["webhook.public_url", "allow"]
