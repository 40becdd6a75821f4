"""A configuration in a directory of its own: the good one, with a case's wrong files over it.

No hash and no secret stands in the repository: they are made here, afresh for each run.
"""

import base64
import hashlib
import secrets
from functools import cache
from pathlib import Path

import argon2

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
                if file.name == "users":
                    raw = raw.replace(b"ARGON2", argon2_hash().encode()).replace(b"SCRYPT", scrypt_hash().encode())
                private(directory / file.name, raw)
    return directory / "bridge.toml"


def private(path: Path, content: str | bytes) -> Path:
    """Writes a file that only its owner may read."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path
