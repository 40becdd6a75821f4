"""Settings are frozen nouns that do not print secrets."""

import dataclasses
from pathlib import Path

import pytest

from bridge import config
from bridge.config import settings
from tests.config import setup

NOUNS = [
    settings.Endpoint(host="127.0.0.1", port=1),
    settings.Rate(),
    settings.SmtpdSettings(),
    settings.MailAuthenticationSettings(),
    settings.WebsmsSettings(),
    settings.WebhookSettings(),
    settings.WebsmsMailSettings(),
    settings.SmarthostSettings(),
    settings.SpoolSettings(),
    settings.LimitsSettings(),
    settings.NoticesSettings(),
    settings.ConsoleSettings(),
    settings.HeartbeatSettings(),
    settings.Settings(domains=("sms.example.com",), postmaster="postmaster@example.com"),
    settings.User(name="anna", hash="$made-up"),
    settings.Secrets(),
]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: type(noun).__name__)
def test_a_setting_does_not_change_and_takes_no_other_name(noun: object) -> None:
    assert dataclasses.is_dataclass(noun)
    for field in dataclasses.fields(noun):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(noun, field.name, None)
        assert field.kw_only
    assert not hasattr(noun, "__dict__")
    assert noun == dataclasses.replace(noun)  # type: ignore[type-var] # checked above
    hash(noun)


def test_every_noun_is_here() -> None:
    there = {value for value in vars(settings).values() if isinstance(value, type) and dataclasses.is_dataclass(value)}
    assert {type(noun) for noun in NOUNS} == there


def test_a_configuration_does_not_print_its_secrets(tmp_path: Path) -> None:
    loaded = config.load(setup.put(tmp_path, setup.GOOD), {})
    said = repr(loaded)
    assert str(loaded.secrets.websms_token) not in said
    assert loaded.secrets.webhook[0] not in said
    assert setup.argon2_hash() not in said


def test_secrets_and_hashes_are_not_printed() -> None:
    kept = settings.Secrets(
        websms_token="made-up-1", websms_password="made-up-2", smarthost_password="made-up-3", webhook=("made-up-4",)
    )
    user = settings.User(name="anna", hash="$made-up", addresses=frozenset({"anna@example.com"}))
    for said in (repr(kept), str(kept), repr(user), f"{user}"):
        assert "made-up" not in said
    assert "anna@example.com" in repr(user)
