"""The console's sentences: every one that a page asks for is there, and none that no page asks for."""

import re
from pathlib import Path

from bridge.console import en

CONSOLE = Path(en.__file__).parent
GROUPS = ("nav_", "state_", "channel_", "came_", "why_", "alphabet_", "verb_", "ask_", "means_", "yes_why_", "done_")
ALSO = ("refusal_", "oldest_", "way_", "chart_", "login_")


def asked_for() -> set[str]:
    files = [*CONSOLE.glob("templates/*.html"), *CONSOLE.glob("*.py")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files if file.name not in {"en.py", "de.py"})
    return set(re.findall(r"""\bt\((?:"|')([a-z_]+)(?:"|')""", text)) | set(re.findall(r'"(login_[a-z]+)"', text))


def test_what_pages_ask_for_is_there() -> None:
    missing = {key for key in asked_for() if key not in en.WORDS and key not in (*GROUPS, *ALSO)}
    assert missing == set()


def test_nothing_is_left_over() -> None:
    over = {key for key in en.WORDS if key not in asked_for() and not key.startswith((*GROUPS, *ALSO))}
    assert over == set()
