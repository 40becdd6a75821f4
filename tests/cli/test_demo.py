"""`demo --once`: exit 0 only if the whole conversation took place."""

from pathlib import Path

import pytest

from tests.cli.conftest import smsbridge


def test_once(tmp_path: Path) -> None:
    ran = smsbridge("demo", "--once", "--dir", tmp_path / "demo")
    assert ran.code == 0, ran.err
    assert [f"{step}/6 " in ran.out for step in range(1, 7)] == [True] * 6
    assert list((tmp_path / "demo" / "Maildir" / "new").iterdir())


@pytest.mark.xfail(
    strict=False,
    reason="bridge/cli/demonstration.py takes any mail of the Maildir for the newest one, so a second run in the same "
    "--dir finds the first run's answer",
)
def test_twice_in_one_directory(tmp_path: Path) -> None:
    assert smsbridge("demo", "--once", "--dir", tmp_path / "demo").code == 0
    assert smsbridge("demo", "--once", "--dir", tmp_path / "demo").code == 0
