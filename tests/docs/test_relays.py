"""The lines for Postfix and Exim on the pages: the real programs take them, and mail goes the way the page says."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.docs.pages import DOCS, blocks
from tests.flows import relays
from tests.flows.relay_files import Onward
from tests.flows.rig import ADDRESS, letter, running
from tests.transports.servers import good
from tests.wait import until

ROUTES = """\
[[route]]
address = "phone@sms.example.com"
number = "+43 660 0000001"
allow = ["*@example.org"]
"""


def part(page: str, mark: str) -> str:
    """The block of a recipe with that mark."""
    (found,) = [block.text for block in blocks(DOCS / "recipes" / f"{page}.md") if block.mark == mark]
    return found


def tool(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        relays.missing(f"{name} is not installed")
    return found


def test_postfix_knows_every_setting_and_finds_the_way(tmp_path: Path) -> None:
    transport = tmp_path / "transport"
    transport.write_text(part("postfix", "transport"), encoding="ascii")
    settings = part("postfix", "main.cf").replace("/etc/postfix/transport", str(transport))
    (tmp_path / "main.cf").write_text(f"compatibility_level = 3.6\n{settings}", encoding="ascii")
    (tmp_path / "master.cf").write_text("smtp unix - - n - - smtp\n", encoding="ascii")
    shown = subprocess.run(
        [tool("postconf"), "-n", "-c", str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert shown.stderr == "", "a setting that Postfix does not know is complained of"
    found = subprocess.run(
        [tool("postmap"), "-c", str(tmp_path), "-q", "sms.example.com", f"texthash:{transport}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert found.stdout == "smtp:[192.0.2.5]:25\n"


async def test_postfix_with_these_lines_hands_mail_on(tmp_path: Path) -> None:
    """Only the bridge's address is another one, and the queue is quicker."""
    async with running(tmp_path, routes=ROUTES) as (bridge, simulator):
        way = part("postfix", "transport").replace("[192.0.2.5]:25", f"[127.0.0.1]:{bridge.port('smtp')}")
        name, onward = way.split()
        settings = [
            line.replace("texthash:/etc/postfix/transport", f"inline:{{ {{ {name} = {onward} }} }}")
            for line in part("postfix", "main.cf").splitlines()
            if line and not line.startswith(("#", "minimal_backoff_time", "queue_run_delay"))
        ]
        async with (
            good() as (_, sink),
            relays.postfix(Onward(port=bridge.port("smtp"), options=tuple(settings)), sink=sink) as relay,
        ):
            await relay.submit(bytes(letter("Through the recipe")).replace(b"\n", b"\r\n"), ADDRESS)
            await until(lambda: simulator.messages, "an SMS")
            assert simulator.messages[0].text == "Through the recipe"


def test_exim_understands_its_part(tmp_path: Path) -> None:
    config = tmp_path / "exim.conf"
    config.write_text(
        f"primary_hostname = mail.example.com\nkeep_environment =\n{part('exim', 'exim')}", encoding="ascii"
    )
    told = subprocess.run(
        [tool("exim4"), "-C", str(config), "-bP", "routers", "transports"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == 0, told.stderr
    assert "route_list = * 192.0.2.5" in told.stdout
    assert "port = 25" in told.stdout
