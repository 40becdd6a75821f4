"""Every piece of configuration in the pages is right: the real `check` says so, without a warning."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from bridge import config
from tests.docs import setup
from tests.docs.pages import Block, blocks, everywhere, named, recipes

ALONE = [block for block in everywhere("toml") if "/recipes/" not in block.page]


def checked(place: Path, made: Sequence[Block]) -> list[str]:
    """The warnings for what the blocks say together; raises ConfigError for what is wrong."""
    routes = "\n".join(block.text for block in made if block.mark == "routes.toml")
    users = {name: ("made-up password", ("*@example.com",)) for name in re.findall(r"user:([\w.-]+)", routes)}
    whole = setup.document(block for block in made if block.mark == "bridge.toml")
    if users or not routes:
        whole["smtpd"] = {"tls_certificate": "c.pem", "tls_key": "k.pem", **whole["smtpd"]}
    elif "networks" not in whole["smtpd"] and "mail_authentication" not in whole:
        whole["smtpd"]["networks"] = ["192.0.2.25/32"]  # something that proves senders
    found = config.load(setup.write(place, whole, routes or setup.ROUTES, users))
    return [str(problem) for problem in found.warnings]


@pytest.mark.parametrize("block", ALONE, ids=lambda block: block.where)
def test_each_block_is_right(block: Block, tmp_path: Path) -> None:
    tomllib.loads(block.text)
    allowed = re.compile(r"users_file|allow|nothing proves|prove")  # the base's table, where the block has none
    assert [line for line in checked(tmp_path, [block]) if not allowed.search(line)] == []


@pytest.mark.parametrize("page", recipes(), ids=named)
def test_a_recipe_is_a_whole_configuration(page: Path, tmp_path: Path) -> None:
    made = [block for block in blocks(page) if block.language == "toml"]
    assert made
    assert checked(tmp_path, made) == []
