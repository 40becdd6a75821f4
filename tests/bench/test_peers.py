"""Foreign programs: a word where one is missing, and where it is there, that it does what it is measured at."""

import venv
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.bench import peers, whole
from tests.bench.frame import Missing
from tests.bench.peers_running import Peer, kannel, mailrise, postfix_with_curl

FEW = 5


def test_what_is_missing_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(peers.PLACE, str(tmp_path))
    with pytest.raises(Missing, match=r"tests\.bench\.peers install"):
        peers.mailrise()
    monkeypatch.setitem(peers.DEBIAN, "kannel", str(tmp_path / "bearerbox"))
    with pytest.raises(Missing, match=r"kannel .* tests\.bench\.peers install"):
        peers.program("kannel")
    assert "missing" in peers.shown()["kannel"]


def test_one_in_python_runs_in_the_python_that_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(peers.PLACE, str(tmp_path))
    environment = tmp_path / "mailrise"
    venv.create(environment)
    (environment / "bin" / "mailrise").touch()
    assert peers.mailrise() == environment / "bin" / "mailrise"
    said = (environment / "pyvenv.cfg").read_text(encoding="utf-8")
    (environment / "pyvenv.cfg").write_text(said.replace("home = ", "home = /elsewhere"), encoding="utf-8")
    with pytest.raises(Missing, match=r"another Python.* tests\.bench\.peers install"):
        peers.mailrise()


@pytest.mark.parametrize(
    ("opened", "shoot"),
    [
        pytest.param(mailrise, whole.through_peer, id="mailrise"),
        pytest.param(postfix_with_curl, whole.through_peer, id="postfix"),
        pytest.param(kannel, whole.through_kannel, id="kannel"),
    ],
)
async def test_one_that_is_there_brings_every_message_to_its_provider(
    opened: Callable[[Path], AbstractAsyncContextManager[Peer]], shoot: whole.Shooting, tmp_path: Path
) -> None:
    try:
        async with opened(tmp_path) as running:
            shot = await shoot(running, FEW, "test")
            assert await running.sink.count() == FEW
            assert (shot.count, shot.seconds > 0) == (FEW, True)
    except Missing as missing:
        pytest.skip(str(missing))
