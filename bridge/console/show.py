"""Pages from templates: every value escaped, every sentence in the visitor's language, times as people read them."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bridge import __version__, normalize
from bridge.console import words
from bridge.console.gate import Visit
from bridge.console.sources import Sources

HERE: Final = Path(__file__).parent
STATIC: Final = {
    "style.css": "text/css",
    "console.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}

_SHORT: Final = {"en": "%d %b %H:%M:%S", "de": "%d.%m. %H:%M:%S"}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SPANS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Shown:
    """Renders templates."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters |= {"span": span, "phone": phone}
        for name in self._templates.list_templates():  # now: an update must not change pages below a running bridge
            self._templates.get_template(name)

    def page(self, visit: Visit, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """An HTML page; `values` are the template's."""
        around: Mapping[str, Any] = {
            "t": partial(words.say, visit.language),
            "lang": visit.language,
            "visit": visit,
            "now": self._sources.clock(),
            "when": partial(when, visit.language),
            "is_demo": self._sources.phone is not None,
            "shows_nav": self._sources.phone is not None or visit.user is not None,
            "version": __version__,
            "path": visit.request.path,
        }
        body = self._templates.get_template(template).render({**around, **values})
        return web.Response(
            text=body, status=status, content_type="text/html", headers={"Content-Language": visit.language}
        )

    def refusal(self, visit: Visit, status: int, key: str) -> web.Response:
        """A page with one sentence."""
        return self.page(visit, "refusal.html", status=status, sentence=key)


def static_files() -> Mapping[str, tuple[str, bytes]]:
    """Content type and octets of what is served as it is."""
    return {name: (kind, (HERE / "static" / name).read_bytes()) for name, kind in STATIC.items()}


def when(language: str, at: float | None, *, form: str = "") -> Markup:
    """A time of this machine's zone for people, in UTC for programs."""
    if at is None:
        return Markup("–")  # a dash
    local = time.localtime(at)
    text = time.strftime(form or _SHORT["de"], local)
    if not form and language == "en":  # %b would follow the machine's locale
        text = f"{local.tm_mday} {_MONTHS[local.tm_mon - 1]} {time.strftime('%H:%M:%S', local)}"
    exact = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(exact, text)  # format escapes


def span(seconds: float) -> str:
    """A duration in its two largest units: ``3 d 4 h``, ``12 min``."""
    left = max(0, round(seconds))
    said: list[str] = []
    for size, name in _SPANS:
        if left >= size and len(said) < 2:  # noqa: PLR2004  # two units
            said.append(f"{left // size} {name}")
            left %= size
        elif said:
            break
    return " ".join(said) or "0 s"


def phone(number: str) -> str:
    """Digits as people write them, never broken in two; anything else as it is."""
    return (
        normalize.display(number).replace(" ", "\N{NO-BREAK SPACE}")
        if number.isascii() and number.isdigit()
        else number
    )
