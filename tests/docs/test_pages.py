"""The pages themselves: links lead somewhere, blocks say what they are, nothing is on its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.cli import smsbridge
from bridge.smtpd import replies
from bridge.smtpd.contract import Reply
from tests.docs.pages import DOCS, ROOT, anchors, blocks, everywhere, links, named, pages, prose, recipes

TROUBLE = " ".join((DOCS / "troubleshooting.md").read_text(encoding="utf-8").split())
_SAID_AND_NO_TROUBLE = {"Bye"}


def calls(module: Path) -> Iterator[ast.Call]:
    """Every call in the source of a module."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


@pytest.mark.parametrize("page", pages(), ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link]
        ahead += [target for target in targets if target.suffix == ".md" and target.is_relative_to(DOCS)]
    assert reached == set(pages())


def test_the_readme_is_read_in_five_minutes() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200


@pytest.mark.parametrize("page", pages(), ids=named)
def test_blocks_say_what_they_are(page: Path) -> None:
    for block in blocks(page):
        if block.language == "toml":
            assert block.mark in {"routes.toml", "bridge.toml"}, block.where
        elif block.mark.startswith("sms: "):
            assert (ROOT / "tests" / "docs" / "mail" / f"{block.mark[5:]}.eml").is_file(), block.where
        elif block.mark.startswith("not run"):
            assert re.fullmatch(r"not run: .{8,}", block.mark), block.where
    assert "\n    smsbridge " not in prose(page), "commands stand in blocks, which are tested"


@pytest.mark.parametrize("page", pages(), ids=named)
def test_pages_are_plain(page: Path) -> None:
    text = prose(page)
    assert "!" not in re.sub(r"`[^`\n]*`|<!--|!\[", "", text), "no exclamation marks"
    assert [line for line in text.splitlines() if len(line) > 120 and not line.startswith("|")] == []


def test_every_sample_mail_is_in_a_recipe() -> None:
    shown = {block.mark[5:] for page in recipes() for block in blocks(page) if block.mark.startswith("sms: ")}
    assert {path.stem for path in (ROOT / "tests" / "docs" / "mail").glob("*.eml")} == shown


def test_every_command_is_documented() -> None:
    told = "".join(block.text for block in everywhere("sh"))
    assert [name for name in smsbridge.commands if f"smsbridge {name}" not in told] == []


def test_every_refusal_is_explained() -> None:
    said = [reply for reply in vars(replies).values() if isinstance(reply, Reply)]
    said = [reply for reply in said if reply.text not in _SAID_AND_NO_TROUBLE]
    assert len(said) > 30
    assert [reply.text for reply in said if reply.text not in TROUBLE] == []


def test_every_refusal_of_the_door_is_explained() -> None:
    """Those that are written where they are said, word for word where they hold no value."""
    texts = set[str]()
    folder = ROOT / "bridge"
    for path in [*(folder / "smtpd").glob("*.py"), folder / "recipients.py", folder / "access.py"]:
        for call in calls(path):
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            words = [each.value for each in given if isinstance(each, ast.Constant)]
            if any(isinstance(word, int) and 400 <= word < 600 for word in words if not isinstance(word, bool)):
                texts |= {word for word in words if isinstance(word, str) and not re.fullmatch(r"[\d.]+", word)}
    assert len(texts) > 30
    assert sorted(text for text in texts if text not in TROUBLE) == []


def test_every_reason_not_to_believe_a_mail_is_explained() -> None:
    """By its codes: the sentence names domains."""
    codes = set[str]()
    for call in (call for path in (ROOT / "bridge" / "proof").glob("*.py") for call in calls(path)):
        if isinstance(call.func, ast.Name) and call.func.id == "refused":
            given = [ast.unparse(each) for each in call.args[:2] if isinstance(each, ast.Constant)]
            codes |= {" ".join(given).replace("'", "")} if len(given) == 2 else set()
    assert len(codes) > 5
    assert sorted(code for code in codes if code not in TROUBLE) == []


def test_every_complaint_of_the_log_is_explained() -> None:
    """What is logged as a warning or worse."""
    said = set[str]()
    for path in (ROOT / "bridge").rglob("*.py"):
        if {"simulator", "config"} & set(path.parts):
            continue  # configuration warns while it is read, and `check` shows it
        for call in calls(path):
            if isinstance(call.func, ast.Attribute) and call.func.attr in {"warning", "error", "critical"}:
                event = call.args[0] if call.args else None
                if isinstance(event, ast.Constant) and isinstance(event.value, str):
                    said.add(event.value)
    assert len(said) > 20
    assert sorted(event for event in said if f"`{event}`" not in TROUBLE) == []
