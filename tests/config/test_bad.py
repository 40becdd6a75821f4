"""Wrong configurations, each with the exact words an administrator gets to read.

A case in bad/ holds only the files that differ from those in good/, and expected.txt. After a deliberate change of
words: look at what ``python -m tests.config.test_bad`` writes, then commit it.
"""

import os
import tempfile
from pathlib import Path

import pytest

from bridge import config
from tests.config import setup

CASES = sorted(case.name for case in setup.BAD.iterdir() if case.is_dir())


def said(path: Path) -> str:
    """All problems of a configuration, one a line."""
    with pytest.raises(config.ConfigError) as caught:
        config.load(path, {})
    return f"{caught.value}\n"


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_configuration_is_explained(case: str, tmp_path: Path) -> None:
    assert said(setup.put(tmp_path, setup.GOOD, setup.BAD / case)) == (setup.BAD / case / setup.EXPECTED).read_text()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 45


@pytest.mark.parametrize("case", CASES)
def test_each_case_holds_only_what_differs(case: str) -> None:
    for file in (setup.BAD / case).iterdir():
        good = setup.GOOD / file.name
        assert not good.exists() or good.read_bytes() != file.read_bytes()


@pytest.mark.parametrize("case", CASES)
def test_every_problem_says_what_would_be_right(case: str, tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError) as caught:
        config.load(setup.put(tmp_path, setup.GOOD, setup.BAD / case), {})
    for problem in caught.value.problems:
        assert problem.message
        assert problem.hint


def test_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    together = ("unknown-key", "user-twice", "route-policies", "secret-too-short")
    expected = "".join((setup.BAD / case / setup.EXPECTED).read_text() for case in together)
    assert said(setup.put(tmp_path, setup.GOOD, *(setup.BAD / case for case in together))) == expected


def test_the_problems_are_there_one_by_one(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError) as caught:
        config.load(setup.put(tmp_path, setup.GOOD, setup.BAD / "listen-without-port"), {})
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.key) == ("bridge.toml", 7, "smtpd.listen")


@pytest.mark.parametrize(
    ("case", "secret"),
    [
        ("password-in-the-file", "correct"),
        ("password-in-url", "correct"),
        ("public-url-with-path", "made-up"),
        ("postgresql-password", "correct"),
        ("user-hashes", "correct"),
        ("user-hashes", "c2Fsd"),
        ("secret-too-short", "short"),
        ("secret-with-a-slash", "made-up"),
        ("token-of-two-lines", "made-up"),
        ("signing-key-too-short", "0123"),
    ],
)
def test_no_secret_is_repeated(case: str, secret: str, tmp_path: Path) -> None:
    files = [file for file in (setup.BAD / case).iterdir() if file.name != setup.EXPECTED]
    assert any(secret in file.read_text() for file in files)
    assert secret not in said(setup.put(tmp_path, setup.GOOD, setup.BAD / case))


def test_a_token_where_its_files_name_belongs_is_not_repeated(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    setup.private(path, path.read_text().replace('"websms-token"', '"a-made-up-token/with+everything"'))
    assert "made-up" not in said(path)


def test_a_hash_in_the_wrong_field_is_not_repeated(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    setup.private(tmp_path / "users", f"anna:anna@example.com:{setup.argon2_hash()}\n")
    assert setup.argon2_hash().rpartition("$")[2] not in said(path)


def test_there_is_no_such_file(tmp_path: Path) -> None:
    assert said(tmp_path / "bridge.toml") == "bridge.toml: there is no such file\n"


def test_the_configuration_is_a_directory(tmp_path: Path) -> None:
    assert said(tmp_path) == f"{tmp_path.name}: this is a directory; name the file in it\n"


def test_the_routes_are_a_directory(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    (tmp_path / "routes.toml").unlink()
    (tmp_path / "routes.toml").mkdir()
    assert said(path) == "bridge.toml: routes: «routes.toml»: this is a directory; name the file in it\n"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    (tmp_path / "routes.toml").unlink()
    os.mkfifo(tmp_path / "routes.toml")
    assert said(path) == "bridge.toml: routes: «routes.toml»: this is a pipe or device; name a file\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    (tmp_path / "websms-token").chmod(0o000)
    assert "websms.token_file: permission denied" in said(path)


def test_a_file_with_an_impossible_name(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    text = path.read_text().replace('"websms-token"', f'"{"x" * 5000}"').replace("[smtpd]", 'key_file = "y/y"\n[smtpd]')
    setup.private(path, text.replace('key_file = "y/y"', f'key_file = "{"y" * 5000}"'))
    assert said(path).count("it cannot be read") == 2


if __name__ == "__main__":
    for name in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            (setup.BAD / name / setup.EXPECTED).write_text(said(setup.put(Path(scratch), setup.GOOD, setup.BAD / name)))
