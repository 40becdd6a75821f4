"""The console's users file: names, hashes, roles, and nothing of it repeated."""

from pathlib import Path

import pytest

from bridge import config
from bridge.config import operators
from tests.config import setup


def read(directory: Path, content: str) -> dict[str, str]:
    path = setup.private(directory / "console-users", content.replace("ARGON2", setup.argon2_hash()))
    found = operators.read(path, setup.place(directory))
    return {name: user.role for name, user in (found or {}).items()}


def test_people_with_their_roles(tmp_path: Path) -> None:
    content = f"# people\nolga:ARGON2:operator\n\nviktor:{setup.scrypt_hash()}: viewer\n"
    assert read(tmp_path, content) == {"olga": "operator", "viktor": "viewer"}


@pytest.mark.parametrize("line", ["olga:ARGON2:", "olga:ARGON2", "olga:certificate:operator", "o l:ARGON2:operator"])
def test_a_wrong_line_lets_nobody_in(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, line) == {}


def test_the_two_files_do_not_mix(tmp_path: Path) -> None:
    path = setup.edited(tmp_path, bridge='\n[console]\nusers_file = "console-users"\n')
    setup.private(tmp_path / "console-users", f"olga:{setup.argon2_hash()}:operator\n")
    found = config.load(path, {})
    assert (sorted(found.operators), "olga" in found.users) == (["olga"], False)
    assert all(not user.role for user in found.users.values())
    assert found.operators["olga"].addresses == frozenset()


def test_without_the_key_there_is_nobody(tmp_path: Path) -> None:
    assert config.load(setup.put(tmp_path, setup.GOOD), {}).operators == {}
