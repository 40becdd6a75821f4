"""`demo --once`: exit 0 only if the whole conversation took place."""

from pathlib import Path

from tests.cli.conftest import smsbridge


def test_once(tmp_path: Path) -> None:
    ran = smsbridge("demo", "--once", "--dir", tmp_path / "demo")
    assert ran.code == 0, ran.err
    assert [f"{step}/6 " in ran.out for step in range(1, 7)] == [True] * 6
    assert list((tmp_path / "demo" / "Maildir" / "new").iterdir())
