"""Every command line in the pages works: what is ours is run where it can be, and parsed where it cannot.

A block is run as it stands in a directory with a configuration, a spool, a mail and a delivery for each ID. What needs
root, another program or a network says so above it; there our own lines must still be ones it understands.
"""

import asyncio
import io
import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bridge.cli import main, smsbridge
from bridge.spool.sqlite import open_spool
from tests.docs import setup
from tests.docs.pages import DOCS, ROOT, Block, blocks, everywhere, named, pages
from tests.docs.phones import running

SHELL = everywhere("sh")
ELSEWHERE = {"control API"}  # tests/cli/test_simulator_options.py
IN_PLACE = [block for block in SHELL if not block.mark]
WITH_BRIDGE = [block for block in SHELL if block.mark == "with: bridge"]
PARSED = [block for block in SHELL if block.mark.startswith("not run: ")]
MAIL = (ROOT / "tests" / "docs" / "mail" / "printer.eml").read_bytes()
PASSWORD = "made-up password"
USERS = {"erika": (PASSWORD, ("erika@example.com",))}


def lines(block: Block) -> Iterator[list[str]]:
    """Our own command lines in a block, as words."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["smsbridge"]:
            yield words[1:]


def leaf(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and what is left for it."""
    command: click.Command = smsbridge
    while isinstance(command, click.Group):
        name, *words = words
        assert name in command.commands, name
        command = command.commands[name]
    return command, words


def understood(words: list[str]) -> click.Context:
    """The words parsed as the program does; fails on what it would refuse."""
    command, rest = leaf(words)
    return command.make_context(command.name, rest)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to run commands in, which is the current one."""
    whole = setup.document([])
    whole["smtpd"] |= {"tls_certificate": "c.pem", "tls_key": "k.pem", "networks": ["192.0.2.0/24"]}
    whole["console"] = {"users_file": "console-users"}
    setup.write(tmp_path, whole, setup.ROUTES, USERS)
    (tmp_path / "mail.eml").write_bytes(MAIL)

    async def spool() -> None:
        await (await open_spool(tmp_path / "smsbridge.db")).close()

    asyncio.run(spool())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(words: list[str], place: Path) -> int:
    """A command in this process; its exit code."""
    command, _ = leaf(words)
    if any(parameter.name == "config_path" for parameter in command.params):
        words = [*words, "--config", str(place / "bridge.toml")]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def queued(place: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The id of a new SMS that waits."""
    capsys.readouterr()
    assert run(["send", "06600000001", "Please be at gate 4", "--json"], place) == 0
    made: str = json.loads(capsys.readouterr().out)["id"]
    return made


def prepared(words: list[str], place: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The words with what they speak of made: a delivery, a user."""
    if "ID" in words:
        made = queued(place, capsys)
        if "release" in words:
            assert run(["queue", "hold", made], place) == 0
        words = [made if word == "ID" else word for word in words]
    if words[:2] == ["user", "add"] and not {"--certificate", "--password-stdin"} & set(words):
        words = [*words, "--password-stdin"]
    return words


@pytest.mark.parametrize("block", IN_PLACE, ids=lambda block: block.where)
def test_commands_work(
    block: Block, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = list(lines(block))
    plain = [line for line in block.text.splitlines() if not line.startswith("#")]
    assert len(ours) == len(plain), "a block of ours holds nothing else"
    if any("search" in words or "conversation" in words for words in ours):
        queued(place, capsys)  # something to be found
    for words in ours:
        words = prepared([word for word in words if word != ">"], place, capsys)  # noqa: PLW2901  # the same line
        if words[0] == "completion":
            words = words[:2]  # noqa: PLW2901  # the shell's part is left out
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(PASSWORD.encode())))
        code = run(words, place)
        said = capsys.readouterr()
        nothing_runs = words[0] == "status"  # which says so by its exit code
        nothing_found = words[0] == "search" and "--state" in words
        assert code == (1 if nothing_runs or nothing_found else 0), (words, said)


@pytest.mark.parametrize("block", PARSED, ids=lambda block: block.where)
def test_commands_are_understood(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spool.password").touch()
    for words in lines(block):
        understood(words)


@pytest.mark.parametrize("block", WITH_BRIDGE, ids=lambda block: block.where)
async def test_commands_beside_a_bridge(block: Block, tmp_path: Path) -> None:
    assert "8081" in block.text
    shortest = [made for made in blocks(DOCS / "configure.md") if made.heading == "The shortest configuration"]
    async with running(tmp_path, shortest) as (bridge, _):
        for line in block.text.splitlines():
            words = shlex.split(line.replace("8081", str(bridge.port("console"))))
            done = await asyncio.to_thread(subprocess.run, words, capture_output=True, check=False, timeout=60)
            assert done.returncode == 0, done


def test_every_block_of_commands_is_tested() -> None:
    assert len(IN_PLACE) + len(WITH_BRIDGE) + len(PARSED) == len(
        [block for block in SHELL if block.mark not in ELSEWHERE and not block.mark.startswith("command: ")]
    )
    assert len(IN_PLACE) > 10


@pytest.mark.parametrize("page", pages(), ids=named)
def test_commands_in_a_sentence_exist(page: Path) -> None:
    """What stands in `smsbridge …` between words."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(page):
        text = text.replace(block.text, "")
    for part in text.split("`")[1::2]:
        words = part.split()
        if words[:1] == ["smsbridge"] and len(words) > 1 and words[1].isalpha() and words[1].islower():
            command: click.Command = smsbridge
            for word in words[1:]:
                if not isinstance(command, click.Group):
                    break
                if word.startswith("-") or not word.isalpha():
                    break
                assert word in command.commands, part
                command = command.commands[word]
