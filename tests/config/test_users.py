"""The users file: which lines are users, and what is said of the others."""

import base64
from pathlib import Path

import argon2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config import users
from bridge.config.reading import Place
from tests.config import setup

SALT = base64.b64encode(b"made-up salt..").decode().rstrip("=")
HASH = base64.b64encode(b"made-up hash of 32 octets, really").decode().rstrip("=")
ARGON2 = f"$argon2id$v=19$m=1024,t=1,p=1${SALT}${HASH}"
SCRYPT = f"$scrypt$ln=14,r=8,p=1${SALT}${HASH}"


def said(place: Place) -> list[str]:
    return [str(problem).partition(";")[0] for problem in place.collector.problems]


def wrong(tmp_path: Path, line: str) -> list[str]:
    """What is said of a file with this line as its second, of which nothing may become a user."""
    place = setup.place(tmp_path)
    path = setup.private(tmp_path / "users", f"# comment\n{line}\n")
    assert users.read(path, place) == {}
    return said(place)


def test_users(tmp_path: Path) -> None:
    place = setup.place(tmp_path)
    content = (
        "# who may log in\r\n\r\n"
        f"anna:{ARGON2}:Anna@Example.com, anna@EXAMPLE.org,,*@Alarm.example.com\r\n"
        f"  a.b_c@d+e-f:{SCRYPT}:*@example.net,*@EXAMPLE.net  \n"
        f"X1:{setup.argon2_hash()}:x@example.com\n"
        f"X2:{setup.scrypt_hash()}:x@example.com"
    )
    found = users.read(setup.private(tmp_path / "users", content), place)
    assert said(place) == []
    assert found is not None
    assert list(found) == ["anna", "a.b_c@d+e-f", "X1", "X2"]
    assert found["anna"].addresses == {"anna@example.com", "anna@example.org"}
    assert found["anna"].domains == {"alarm.example.com"}
    assert found["anna"].hash == ARGON2
    assert found["a.b_c@d+e-f"].addresses == frozenset()
    assert found["a.b_c@d+e-f"].domains == {"example.net"}


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    place = setup.place(tmp_path, "users_file = 1\n").at("users_file")
    assert users.read(tmp_path / "users", place) is None
    assert said(place) == ["bridge.toml:1: users_file: there is no such file"]


def test_a_name_twice_is_an_error_even_if_the_first_line_is_wrong(tmp_path: Path) -> None:
    place = setup.place(tmp_path)
    content = f"anna:x:a@example.com\nanna:{ARGON2}:a@example.com\nANNA:{ARGON2}:a@example.com\n"
    found = users.read(setup.private(tmp_path / "users", content), place)
    assert list(found or ()) == ["ANNA"]
    assert said(place) == [
        "users:1: the hash of «anna» is neither argon2 nor scrypt nor the word certificate",
        "users:2: the user «anna» stands on line 1 already",
    ]


def test_a_user_of_a_certificate_has_no_hash(tmp_path: Path) -> None:
    path = setup.private(
        tmp_path / "users", "relay.example.com:certificate:*@example.com\nx@example.com:certificate:x@example.com"
    )
    place = setup.place(tmp_path)
    found = users.read(path, place)
    assert said(place) == []
    assert {name: one.hash for name, one in (found or {}).items()} == dict.fromkeys(
        ("relay.example.com", "x@example.com"), users.CERTIFICATE
    )
    assert wrong(tmp_path, "relay.example.com:certificate:") == [
        "users:2: the user «relay.example.com» has no addresses"
    ]


@pytest.mark.parametrize("line", ["anna", "anna:", f"anna:{ARGON2}", "made-up password", ":"])
def test_too_few_fields(tmp_path: Path, line: str) -> None:
    assert wrong(tmp_path, line) == ["users:2: this is no user"]


@pytest.mark.parametrize("name", ["", "a b", ".anna", "größe", "a/b", "x" * 65, "made-up\x1b", "$x"])
def test_names_that_cannot_be_used_are_not_repeated(tmp_path: Path, name: str) -> None:
    assert wrong(tmp_path, f"{name}:{ARGON2}:a@example.com") == ["users:2: the name cannot be used"]


def test_the_longest_name(tmp_path: Path) -> None:
    path = setup.private(tmp_path / "users", f"{'x' * 64}:{ARGON2}:a@example.com")
    assert list(users.read(path, setup.place(tmp_path)) or ()) == ["x" * 64]


@pytest.mark.parametrize(
    ("hash_", "problem"),
    [
        ("made-up", "is neither argon2 nor scrypt nor the word certificate"),
        ("Certificate", "is neither argon2 nor scrypt nor the word certificate"),
        ("certificate ", "is neither argon2 nor scrypt nor the word certificate"),
        ("", "is neither argon2 nor scrypt nor the word certificate"),
        ("$2b$12$made-up", "is neither argon2 nor scrypt nor the word certificate"),
        ("$6$made-up$x", "is neither argon2 nor scrypt nor the word certificate"),
        ("{SHA}made-up", "is neither argon2 nor scrypt nor the word certificate"),
        ("$argon2id$", "is not a complete argon2 hash"),
        (ARGON2.rpartition("$")[0], "is not a complete argon2 hash"),
        (ARGON2 + "$", "is not a complete argon2 hash"),
        (ARGON2.replace("m=1024", "m=x"), "is not a complete argon2 hash"),
        (ARGON2.replace("argon2id", "argon2x"), "is not a complete argon2 hash"),
        (ARGON2.replace(HASH, "!" + HASH), "is not a complete argon2 hash"),
        (ARGON2.replace(HASH, HASH[:20]), "is not a complete argon2 hash"),
        (ARGON2.replace(SALT, SALT[:9]), "is not a complete argon2 hash"),
        (ARGON2.replace("m=1024", "m=1048577"), "needs more than 1 GiB of memory at each login"),
        ("$scrypt$", "is not a complete scrypt hash"),
        (SCRYPT.rpartition("$")[0], "is not a complete scrypt hash"),
        (SCRYPT + "=", "is not a complete scrypt hash"),
        (SCRYPT.replace("ln=14,", ""), "is not a complete scrypt hash"),
        (SCRYPT.replace("ln=14", "ln=16384"), "is not a complete scrypt hash"),
        (SCRYPT.replace("ln=14", "ln=9"), "has a cost out of range"),
        (SCRYPT.replace("ln=14", "ln=21"), "has a cost out of range"),
        (SCRYPT.replace("r=8", "r=0"), "has a cost out of range"),
        (SCRYPT.replace("r=8", "r=33"), "has a cost out of range"),
        (SCRYPT.replace("p=1", "p=0"), "has a cost out of range"),
        (SCRYPT.replace("p=1", "p=17"), "has a cost out of range"),
    ],
)
def test_hashes_the_door_could_not_verify(tmp_path: Path, hash_: str, problem: str) -> None:
    assert wrong(tmp_path, f"anna:{hash_}:a@example.com") == [f"users:2: the hash of «anna» {problem}"]


@pytest.mark.parametrize(
    "hash_",
    [
        ARGON2.replace("m=1024", "m=1048576"),
        SCRYPT.replace("ln=14", "ln=10"),
        SCRYPT.replace("ln=14,r=8,p=1", "ln=20,r=32,p=16"),
        ARGON2.replace("argon2id", "argon2i"),
    ],
)
def test_the_costs_at_the_bounds(tmp_path: Path, hash_: str) -> None:
    path = setup.private(tmp_path / "users", f"anna:{hash_}:a@example.com")
    assert users.read(path, setup.place(tmp_path)) != {}


@settings(deadline=None, max_examples=10)
@given(st.integers(8, 32), st.integers(16, 64), st.sampled_from(list(argon2.Type)))
def test_whatever_argon2_makes_is_complete(salt: int, length: int, kind: argon2.Type) -> None:
    hasher = argon2.PasswordHasher(1, 8, 1, hash_len=length, salt_len=salt, type=kind)
    users._check_hash("anna", hasher.hash("made-up"))


@pytest.mark.parametrize(
    ("addresses", "problems"),
    [
        ("", ["the user «anna» has no addresses"]),
        (" , ,", ["the user «anna» has no addresses"]),
        ("a@example.com,b", ["entry 2 of the addresses cannot be used"]),
        ("*", ["entry 1 of the addresses cannot be used"]),
        ("*@*", ["entry 1 of the addresses cannot be used"]),
        ("a*@example.com,made-up,b@example.com", [f"entry {n} of the addresses cannot be used" for n in (1, 2)]),
    ],
)
def test_addresses_that_cannot_be_used_are_not_repeated(tmp_path: Path, addresses: str, problems: list[str]) -> None:
    found = wrong(tmp_path, f"anna:{ARGON2}:{addresses}")
    assert found == [f"users:2: {problem}" for problem in problems]


def test_everything_that_is_wrong_with_a_line_is_said(tmp_path: Path) -> None:
    assert wrong(tmp_path, "a b:made-up:made-up") == [
        "users:2: the name cannot be used",
        "users:2: the hash is neither argon2 nor scrypt nor the word certificate",
        "users:2: entry 1 of the addresses cannot be used",
    ]
