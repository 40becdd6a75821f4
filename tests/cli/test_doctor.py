"""`doctor`: all looks together, their exit code, and that one that hangs or breaks hides no other."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bridge.cli.findings import Case, Finding, examine, ok
from bridge.simulator import Simulator, SimulatorSettings
from bridge.spool.sqlite import open_spool
from tests.cli.cases import case, told
from tests.cli.conftest import Here, smsbridge
from tests.transports.servers import good

CHECKS = [
    *("configuration", "program", "SQLite", "disk", "spool files", "spool", "permissions", "bridge", "service"),
    *("certificate", "DNS", "provider", "clock", "provider login", "smarthost", "smarthost", "webhook"),
]


@pytest.fixture
async def made_here(tmp_path: Path) -> Path:
    spool = await open_spool(tmp_path / "smsbridge.db")
    spool.disk.load()
    await spool.close()
    return spool.path


def pointed(config: Path, provider: str, smarthost: int) -> None:
    """The configuration with its provider and smarthost on this machine, and no name server."""
    text = config.read_text()
    text = text.replace("[websms]", f'[websms]\nurl = "{provider}"\nsender = "436600000099"')
    text = text.replace('host = "mail.example.com"', f'host = "127.0.0.1"\nport = {smarthost}\ntls = "none"')
    text = text.replace("https://hooks.example.com", "http://127.0.0.1:1")
    text += '[console]\nlisten = ["127.0.0.1:1"]\n[mail_authentication]\ncheck = true\nnameservers = ["127.0.0.1:1"]\n'
    config.write_text(text)


async def test_everything_is_looked_at(config: Path, made_here: Path) -> None:
    assert made_here.exists()
    token = config.with_name("websms-token").read_text().strip()
    simulator = Simulator(SimulatorSettings(tokens=(token,)))
    await simulator.start("127.0.0.1", 0, 0)
    async with good() as (box, port):
        pointed(config, simulator.url, port)
        ran, people = await asyncio.gather(
            asyncio.to_thread(smsbridge, "doctor", "--json", "--config", config),
            asyncio.to_thread(smsbridge, "doctor", "--to", "0660 0000001", "--config", config),
        )
    await simulator.stop()
    levels = {one["check"]: one["level"] for one in ran.json["findings"]}
    assert [one["check"] for one in ran.json["findings"]] == CHECKS, ran.json["findings"]
    assert {levels[name] for name in ("provider", "clock", "provider login", "smarthost", "permissions")} == {"ok"}
    assert (levels["webhook"], ran.json["worst"], ran.code) == ("fail", "fail", 1)
    assert simulator.messages == []
    assert {message.recipients for message in simulator.tested} == {("436600000099",), ("436600000001",)}
    assert box.mails == []
    assert people.code == 1
    assert "FAIL  webhook" in people.out
    assert "→ " in people.out
    assert "broken" in people.err
    assert "\x1b" not in people.out


def test_a_wrong_configuration_is_78_with_its_remedies(here: Here, config: Path) -> None:
    config.write_text(config.read_text().replace('hostname = "sms.example.com"', 'hostnam = "x"\nlanguage = "fr"'))
    ran = here("doctor", "--config", config, "--json")
    assert (ran.code, ran.json["worst"]) == (78, "fail")
    wrong = [one for one in ran.json["findings"] if one["check"] == "configuration"]
    assert [one["text"].split(":")[1] for one in wrong] == ["1", "2"]
    assert "did you mean" in wrong[0]["remedy"]
    assert "did you mean" not in wrong[0]["text"]
    assert "FAIL  configuration" in here("doctor", "--config", config).out


def test_no_number_is_64(here: Here, config: Path) -> None:
    ran = here("doctor", "--to", "nonsense", "--config", config)
    assert (ran.code, ran.out) == (64, "")
    assert "--to nonsense" in ran.err


async def test_one_that_hangs_or_breaks_hides_no_other(tmp_path: Path) -> None:
    async def hangs(_: Case) -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    async def breaks(_: Case) -> Sequence[Finding]:
        raise ZeroDivisionError("of ours")

    async def works(_: Case) -> Sequence[Finding]:
        return [ok("works", "fine")]

    found = await examine(case(tmp_path, patience=0.2), [("hangs", hangs), ("breaks", breaks), ("works", works)])
    assert told(found) == [("fail", "hangs"), ("warn", "breaks"), ("ok", "works")]
    assert "ZeroDivisionError" in found[1].text
