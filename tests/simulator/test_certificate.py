"""A certificate made here: clients that check everything connect when they are told to trust it, and else do not."""

import ssl
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from bridge.simulator import Simulator, SimulatorSettings
from bridge.simulator import certificate as made_here
from bridge.simulator.certificate import CannotMake, context, make

WAYS: list[Callable[[pytest.MonkeyPatch], None]] = [
    lambda patch: patch.setitem(sys.modules, "cryptography", None),  # leaves the program
    lambda patch: patch.setenv("PATH", ""),  # leaves the package
]


@pytest.mark.parametrize("only", WAYS, ids=["program", "package"])
async def test_a_careful_client_connects(tmp_path: Path, only: Callable[[pytest.MonkeyPatch], None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        only(patch)
        try:
            make(tmp_path / "c.pem", tmp_path / "k.pem")
        except CannotMake:
            pytest.skip("this machine has only the other way")
    assert stat.S_IMODE((tmp_path / "k.pem").stat().st_mode) == 0o600
    sim = Simulator(SimulatorSettings(tls=context(tmp_path / "c.pem", tmp_path / "k.pem")))
    await sim.start()
    trusting = ssl.create_default_context(cafile=str(tmp_path / "c.pem"))
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13
    async with aiohttp.ClientSession() as http:
        for host in ("127.0.0.1", "localhost"):
            url = sim.url.replace("127.0.0.1", host)
            async with http.post(f"{url}/smsmessaging/text", ssl=trusting) as answer:
                assert answer.status == 401
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.post(f"{sim.url}/smsmessaging/text")
    await sim.stop()


def test_without_both_ways_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for only in WAYS:
        only(monkeypatch)
    with pytest.raises(CannotMake, match=r"openssl .* cryptography"):
        make(tmp_path / "c.pem", tmp_path / "k.pem")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        make(tmp_path / "missing" / "c.pem", tmp_path / "missing" / "k.pem")


def test_it_is_good_for_this_machine_only() -> None:
    assert made_here.NAMES == ("localhost",)
    assert made_here.ADDRESSES == ("127.0.0.1", "::1")
