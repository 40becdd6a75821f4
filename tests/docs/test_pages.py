"""The pages themselves: links lead somewhere, blocks say what they are, nothing is on its own."""

import ast
import re
from pathlib import Path

import pytest

from bridge.cli import smsbridge
from bridge.smtpd import replies
from bridge.smtpd.contract import Reply
from tests.docs.pages import DOCS, ROOT, anchors, blocks, everywhere, links, named, pages, prose, recipes

TROUBLE = " ".join((DOCS / "troubleshooting.md").read_text(encoding="utf-8").split())
_SAID_AND_NO_TROUBLE = {"Bye"}


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
    assert max(map(len, text.splitlines()), default=0) <= 120 or "|" in text


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
    for path in [*(ROOT / "bridge" / "smtpd").glob("*.py"), ROOT / "bridge" / "recipients.py", ROOT / "bridge" / "access.py"]:
        for call in (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)):
            words = [each.value for each in [*call.args, *(key.value for key in call.keywords)] if isinstance(each, ast.Constant)]
            if any(isinstance(word, int) and 400 <= word < 600 for word in words if not isinstance(word, bool)):
                texts |= {word for word in words if isinstance(word, str) and not re.fullmatch(r"[\d.]+", word)}
    assert len(texts) > 30
    assert sorted(text for text in texts if text not in TROUBLE) == []


def test_every_complaint_of_the_log_is_explained() -> None:
    """What is logged as a warning or worse."""
    said = {
        node.args[0].value
        for path in (ROOT / "bridge").rglob("*.py")
        if "simulator" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {"warning", "error", "critical"}
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }
    assert len(said) > 20
    assert sorted(event for event in said if f"`{event}`" not in TROUBLE) == []
