"""What the daemon is built of, and what a reload has to build anew."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge import config
from bridge.config import Configuration, Endpoint, SmarthostSettings, SmtpdSettings, WebhookSettings
from bridge.daemon import parts
from bridge.providers.websms import Websms
from bridge.transports.maildir import Maildir
from bridge.transports.smtp import Smarthost
from tests.daemon.conftest import House
from tests.given import configuration

HERE = configuration()


def test_the_way_out_is_a_smarthost_or_a_maildir(tmp_path: Path) -> None:
    assert isinstance(parts.transport(configuration(smarthost=SmarthostSettings(maildir=tmp_path))), Maildir)
    assert isinstance(parts.transport(configuration(smarthost=SmarthostSettings(host="mail.example.com"))), Smarthost)


def test_the_provider_is_told_where_to_report_when_there_is_a_way_in() -> None:
    without = parts.provider(HERE)
    assert isinstance(without, Websms)
    assert without._callback_url is None
    given = replace(HERE.settings.webhook, public_url="https://hooks.example.com/")
    found = parts.provider(configuration(webhook=given))
    assert isinstance(found, Websms)
    assert found._callback_url == f"https://hooks.example.com/websms/{HERE.secrets.webhook[0]}"


def test_one_is_not_several() -> None:
    assert [parts.counted(number, "route") for number in (0, 1, 2)] == ["0 routes", "1 route", "2 routes"]


def changed(**settings: Any) -> Configuration:
    return replace(HERE, settings=replace(HERE.settings, **settings))


def secret(**values: Any) -> Configuration:
    return replace(HERE, secrets=replace(HERE.secrets, **values))


@pytest.mark.parametrize(
    ("new", "provider", "transport"),
    [
        (HERE, False, False),
        (replace(HERE), False, False),
        (changed(postmaster="other@example.com"), False, False),
        (changed(websms=replace(HERE.settings.websms, test=True)), True, False),
        (changed(webhook=WebhookSettings(public_url="https://hooks.example.com")), True, False),
        (changed(country="DE"), True, False),
        (secret(websms_token="another"), True, False),
        (secret(webhook=("another", *HERE.secrets.webhook)), True, False),
        (secret(webhook=(HERE.secrets.webhook[0],)), False, False),  # the old one is retired: reports go to the first
        (secret(smarthost_password="another"), False, True),
        (changed(smarthost=SmarthostSettings(host="other.example.com")), False, True),
        (changed(hostname="other.example.com"), False, True),
    ],
)
def test_what_a_change_makes_necessary(new: Configuration, provider: bool, transport: bool) -> None:
    assert (parts.provider_parts(HERE) != parts.provider_parts(new)) is provider
    assert (parts.transport_parts(HERE) != parts.transport_parts(new)) is transport


@pytest.mark.parametrize(
    ("new", "names"),
    [
        (HERE, []),
        (changed(postmaster="other@example.com"), []),
        (changed(smtpd=SmtpdSettings(listen=(Endpoint(host="127.0.0.1", port=25),))), ["smtpd.listen"]),
        (
            changed(websms=replace(HERE.settings.websms, max_in_flight=3, rate=2.0)),
            ["websms.max_in_flight", "websms.rate"],
        ),
        (changed(spool=replace(HERE.settings.spool, url="sqlite:other.db")), ["spool.url"]),
        (changed(spool=replace(HERE.settings.spool, max_queued=5)), []),
    ],
)
def test_what_only_a_restart_can_change(new: Configuration, names: list[str]) -> None:
    assert parts.needs_restart(HERE, new) == names


def test_a_key_is_made_once(house: House) -> None:
    loaded = config.load(house.config)
    assert loaded.keys == ()
    made = parts.with_keys(loaded)
    (key,) = made.keys
    assert len(key) == 64
    assert stat.S_IMODE(made.settings.key_file.stat().st_mode) == 0o600
    assert parts.with_keys(made) is made
    assert parts.with_keys(config.load(house.config)).keys == made.keys


def test_a_key_that_another_made_meanwhile_is_not_overwritten(house: House) -> None:
    loaded = config.load(house.config)
    made = parts.with_keys(loaded)
    with pytest.raises(FileExistsError):
        parts.with_keys(loaded)
    assert config.load(house.config).keys == made.keys


def test_the_path_of_a_spool() -> None:
    assert parts.sqlite_path("sqlite:/srv/a:b.db") == Path("/srv/a:b.db")
