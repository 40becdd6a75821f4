"""README.md and docs/ as tests read them: pages, their fenced blocks, headings and links.

A line `<!-- words -->` right above a block says what it is, and is not shown to readers:

- `routes.toml`, `bridge.toml`: what it belongs into. On a page of recipes/ all of them together are one configuration,
  elsewhere those below one heading. Other TOML is not allowed.
- `not run: reason`: commands that need root, another host or another program; they are only parsed.
- `with: bridge`: commands that need a bridge that runs. Those without a mark are run; a password they ask for is given.
- `sms: NAME`: what the phone shows of tests/docs/mail/NAME.eml.
- `main.cf`, `exim`: a part of that program's configuration.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (.*) -->\n\Z")
_HEADING = re.compile(r"^#{1,4} (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What stands between two fences."""

    page: str  # relative to the repository
    line: int  # of its first line in the page
    heading: str  # the one above it
    language: str
    mark: str  # "" without one
    text: str

    @property
    def where(self) -> str:
        """For a test's name."""
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """README.md and everything in docs/."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def recipes() -> list[Path]:
    """The pages of docs/recipes/ but its list."""
    return sorted(page for page in (DOCS / "recipes").glob("*.md") if page.name != "README.md")


def named(page: Path) -> str:
    """As people write it."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[Block]:
    """Those of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        mark = _MARK.search(text[: found.start()])
        headings = _HEADING.findall(_FENCE.sub("", text[: found.start()]))
        yield Block(
            page=named(page),
            line=text.count("\n", 0, found.start()) + 2,
            heading=headings[-1] if headings else "",
            language=found[1],
            mark=mark[1] if mark else "",
            text=found[2],
        )


def everywhere(language: str) -> list[Block]:
    """The blocks in one language on all pages."""
    return [block for page in pages() for block in blocks(page) if block.language == language]


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page may say behind #, as GitHub makes it."""
    found: list[str] = []
    for heading in _HEADING.findall(prose(page)):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)).strip().lower()
        found.append(plain.replace(" ", "-"))
    return {
        anchor if found[:place].count(anchor) == 0 else f"{anchor}-{found[:place].count(anchor)}"
        for place, anchor in enumerate(found)
    }


def links(page: Path) -> list[str]:
    """Where its links lead, as they stand there."""
    return _LINK.findall(prose(page))
