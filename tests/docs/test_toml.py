"""Every piece of configuration in the pages is right: the real `check` says so, without a warning."""

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest

from bridge import config
from tests.docs import setup
from tests.docs.pages import Block, blocks, everywhere, named, recipes

ALONE = [block for block in everywhere("toml") if "/recipes/" not in block.page]
TOGETHER = [list(found) for _, found in groupby(ALONE, key=lambda block: (block.page, block.heading))]


def checked(place: Path, made: Sequence[Block]) -> list[str]:
    """The warnings for what the blocks say together; raises ConfigError for what is wrong."""
    routes = "\n".join(block.text for block in made if block.mark == "routes.toml")
    users = dict.fromkeys(re.findall(r"user:([\w.-]+)", routes), ("made-up password", ("*@example.com",)))
    whole = setup.document(block for block in made if block.mark == "bridge.toml")
    if users:
        whole["smtpd"] = {"tls_certificate": "c.pem", "tls_key": "k.pem", **whole["smtpd"]}
    if "networks" not in whole["smtpd"] and "mail_authentication" not in whole:
        whole["smtpd"]["networks"] = ["192.0.2.25/32"]  # something that proves senders
    found = config.load(setup.write(place, whole, routes or setup.ROUTES, users))
    return [str(problem) for problem in found.warnings]


@pytest.mark.parametrize("made", TOGETHER, ids=lambda made: made[0].where)
def test_what_stands_below_a_heading_is_right(made: list[Block], tmp_path: Path) -> None:
    assert checked(tmp_path, made) == []


@pytest.mark.parametrize("page", recipes(), ids=named)
def test_a_recipe_is_a_whole_configuration(page: Path, tmp_path: Path) -> None:
    made = [block for block in blocks(page) if block.language == "toml"]
    assert made
    assert checked(tmp_path, made) == []
