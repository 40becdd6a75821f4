"""DNS, asked of a name server of our own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.findings import Case, names
from bridge.config import Endpoint
from tests.cli.cases import case, only, told
from tests.proof.dns_stub import Stub, serving


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    """A zone in which all is well."""
    async with serving() as stub:
        stub.add("sms.example.com", "MX", "10 sms.example.com.")
        stub.add("sms.example.com", "A", "192.0.2.5")
        stub.add("sms.example.com", "TXT", "v=spf1 a -all")
        stub.add("5.2.0.192.in-addr.arpa", "PTR", "sms.example.com.")
        yield stub


def asking(stub: Stub, directory: Path, **more: Any) -> Case:
    host, port = stub.address
    return case(directory, mail_authentication={"nameservers": (Endpoint(host=host, port=port),)}, **more)


async def test_all_is_well(stub: Stub, tmp_path: Path) -> None:
    assert told(await names.look(asking(stub, tmp_path))) == [("ok", "DNS"), ("ok", "own name"), ("ok", "SPF")]


async def test_nobody_knows_us(stub: Stub, tmp_path: Path) -> None:
    stub.records.clear()
    found = await names.look(asking(stub, tmp_path))
    assert told(found) == [("warn", "DNS"), ("warn", "own name"), ("warn", "SPF")]
    assert "neither MX nor address" in found[0].text


async def test_an_exchanger_without_an_address(stub: Stub, tmp_path: Path) -> None:
    stub.records[("sms.example.com", "MX")] = ["10 gone.example.com."]
    found = (await names.look(asking(stub, tmp_path)))[0]
    assert (found.level, "gone.example.com" in found.text) == ("warn", True)


async def test_an_address_alone_is_enough(stub: Stub, tmp_path: Path) -> None:
    del stub.records[("sms.example.com", "MX")]
    assert told(await names.look(asking(stub, tmp_path)))[0] == ("ok", "DNS")


async def test_another_reverse_name(stub: Stub, tmp_path: Path) -> None:
    stub.records[("5.2.0.192.in-addr.arpa", "PTR")] = ["pool.example.net."]
    found = (await names.look(asking(stub, tmp_path)))[1]
    assert (found.level, "pool.example.net" in found.text) == ("warn", True)


async def test_a_name_that_is_none(stub: Stub, tmp_path: Path) -> None:
    found = (await names.look(asking(stub, tmp_path, hostname="localhost", smarthost={"host": None})))[1:]
    assert told(found) == [("warn", "own name")]


async def test_trouble(stub: Stub, tmp_path: Path) -> None:
    stub.fail("sms.example.com")
    found = only(await names.look(asking(stub, tmp_path)))
    assert (found.level, "/etc/resolv.conf" in found.remedy) == ("warn", True)


async def test_without_dnspython(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert only(await names.look(case(tmp_path, domains=("localhost",)))).level == "ok"
    assert only(await names.look(case(tmp_path, domains=("none.invalid",)))).level == "warn"
