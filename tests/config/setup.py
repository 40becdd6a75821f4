"""A configuration in a directory of its own: the good one, with a case's wrong files over it.

No hash and no secret stands in the repository: they are made here, afresh for each run.
"""

import base64
import hashlib
import secrets
from functools import cache
from pathlib import Path
from typing import Any

import argon2
import pytest

from bridge.config.document import parse
from bridge.config.problems import Collector, Invalid
from bridge.config.reading import Files, Place, Reader

HERE = Path(__file__).parent
GOOD = HERE / "good"
BAD = HERE / "bad"
EXPECTED = "expected.txt"


@cache
def argon2_hash() -> str:
    """A complete hash of a made-up password, at the lowest cost."""
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return hasher.hash(secrets.token_urlsafe(12))


@cache
def scrypt_hash() -> str:
    salt = secrets.token_bytes(16)
    derived = hashlib.scrypt(secrets.token_bytes(12), salt=salt, n=2**10, r=8, p=1)
    plain = [base64.b64encode(raw).decode().rstrip("=") for raw in (salt, derived)]
    return f"$scrypt$ln=10,r=8,p=1${plain[0]}${plain[1]}"


def put(directory: Path, *sources: Path) -> Path:
    """Copies the files of `sources` into `directory`, later ones over earlier ones; the path of bridge.toml."""
    private(directory / "websms-token", secrets.token_hex(24) + "\n")
    private(directory / "webhook-secret", secrets.token_hex(24) + "\n")
    for source in sources:
        for file in sorted(source.iterdir()):
            if file.name != EXPECTED:
                raw = file.read_bytes()
                if file.name.endswith("users"):
                    raw = raw.replace(b"ARGON2", argon2_hash().encode()).replace(b"SCRYPT", scrypt_hash().encode())
                private(directory / file.name, raw)
    return directory / "bridge.toml"


def edited(directory: Path, **files: str) -> Path:
    """The good configuration with text put after the end of some of its files."""
    path = put(directory, GOOD)
    for name, text in files.items():
        file = directory / {"bridge": "bridge.toml", "routes": "routes.toml"}.get(name, name)
        private(file, file.read_text() + text)
    return path


def private(path: Path, content: str | bytes) -> Path:
    """Writes a file that only its owner may read."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path


def place(directory: Path = Path("/nowhere"), toml: str = "", **settings: Any) -> Place:
    """The place of a document's top, in a configuration at `directory`; its collector is new."""
    collector = Collector()
    document = parse(toml, "bridge.toml", collector)
    assert document is not None
    return Place(document=document, collector=collector, files=Files(base=directory), **settings)


def refusal(reader: Reader[Any], value: object, where: Place | None = None) -> Invalid:
    """What a reader says of a value it cannot use; it always says what would be right."""
    with pytest.raises(Invalid) as caught:
        reader(value, where or place())
    assert caught.value.message
    assert caught.value.hint
    return caught.value
