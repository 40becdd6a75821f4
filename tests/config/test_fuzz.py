"""Whatever the files hold, loading gives a configuration or a ConfigError, and nothing else."""

import contextlib
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import config
from tests.config import setup

SHIPPED = Path(__file__).parents[2] / "config"
NAMES = ("bridge.toml", "routes.toml", "users", "webhook-secret", "websms-token")
PIECES = st.one_of(
    st.sampled_from(
        ["\n", *'"[]{}=#,0*@:$/', "[[", "true", "{local}", "\\u0000", "1979-05-27", "nan", "inf", "-1", '"""', "''"]
    ),
    st.sampled_from(["{ address = 1 }", "0x" + "f" * 5000, "9" * 5000, "[" * 400]),
    st.text(max_size=6),
)
EDITS = st.lists(st.tuples(st.sampled_from(NAMES), st.floats(0, 1), st.integers(0, 12), PIECES), min_size=1, max_size=4)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


def load(path: Path) -> None:
    try:
        config.load(path, {})
    except config.ConfigError as error:
        said = str(error)
    else:
        return
    assert said
    assert all(char.isprintable() for char in said.replace("\n", ""))


@settings(max_examples=150, deadline=None)
@given(edits=EDITS)
def test_files_with_scratches(edits: list[tuple[str, float, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path = setup.put(Path(scratch), setup.GOOD, SHIPPED)
        for name, where, length, piece in edits:
            file = path.parent / name
            with contextlib.suppress(FileNotFoundError):
                text = file.read_text(encoding="utf-8", errors="replace")
                at = int(where * len(text))
                file.write_text(text[:at] + piece + text[at + length :], encoding="utf-8", errors="replace")
        load(path)


KEYS = st.sampled_from(
    [
        "domains",
        "country",
        "key_file",
        "routes",
        "smtpd",
        "listen",
        "networks",
        "users_file",
        "url",
        "rate",
        "sender",
        "address",
        "number",
        "allow",
        "mailbox",
        "line",
        "subject",
        "lifetime",
        "countries",
        "priority",
        "host",
        "tls",
    ]
)


def toml(value: object) -> str:
    """A value as TOML; None becomes an inline table."""
    if value is None:
        return "{ address = [] }"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value if not 0xD800 <= ord(char) < 0xE000) + '"'
    return str(value)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["", "smtpd", "websms", "smarthost", "spool"]), KEYS, VALUES), max_size=4),
    st.lists(st.dictionaries(KEYS, VALUES, max_size=6), max_size=4),
)
def test_keys_with_any_value(pairs: list[tuple[str, str, object]], rows: list[dict[str, object]]) -> None:
    sections: dict[str, dict[str, object]] = {}
    for section, key, value in pairs:
        sections.setdefault(section, {})[key] = value
    with tempfile.TemporaryDirectory() as scratch:
        path = setup.put(Path(scratch), setup.GOOD)
        text = path.read_text()
        for section, values in sections.items():
            lines = "".join(f"{key} = {toml(value)}\n" for key, value in values.items())
            text = lines + text if not section else text.replace(f"[{section}]\n", f"[{section}]\n{lines}")
        setup.private(path, text)
        body = "".join(
            "[[route]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in row.items()) for row in rows
        )
        setup.private(path.parent / "routes.toml", body)
        load(path)
