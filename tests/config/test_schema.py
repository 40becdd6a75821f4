"""Schema, settings and the shipped bridge.toml say the same."""

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

from bridge import config
from bridge.config import (
    schema,
)
from bridge.config.document import Document
from bridge.config.problems import Collector
from bridge.config.reading import Files, Place

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
    "mail_authentication": config.MailAuthenticationSettings,
    "websms": config.WebsmsSettings,
    "webhook": config.WebhookSettings,
    "websms_mail": config.WebsmsMailSettings,
    "smarthost": config.SmarthostSettings,
    "spool": config.SpoolSettings,
    "limits": config.LimitsSettings,
    "notices": config.NoticesSettings,
    "console": config.ConsoleSettings,
    "heartbeat": config.HeartbeatSettings,
}


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
