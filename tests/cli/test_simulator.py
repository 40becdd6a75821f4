"""`simulator`: a provider that answers, with the token it was given or made."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cli.conftest import MAIN, ROOT, Here
from tests.wait import PATIENCE


@contextmanager
def simulating(*options: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-u", "-c", MAIN, "simulator", "--port", "0", "--control-port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    lines = ""
    while not lines.endswith("}\n"):
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr is not None else ""
        lines += line
    shown: dict[str, Any] = json.loads(lines)
    return shown


def post(url: str, token: str) -> int:
    body = json.dumps({"recipientAddressList": ["436600000001"], "messageContent": "hello"}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(url.rstrip("/") + "/smsmessaging/text", body, headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - loopback
            return int(json.loads(answer.read())["statusCode"])
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_it_takes_messages_until_ctrl_c() -> None:
    with simulating("--json", "--token", "a-made-up-token") as process:
        shown = said(process)
        assert shown["token"] == "a-made-up-token"
        assert post(shown["url"], "a-made-up-token") == 2000
        assert post(shown["url"], "another") in (401, 4001)
        with urllib.request.urlopen(f"{shown['control_url']}/messages", timeout=PATIENCE) as answer:  # noqa: S310 - loopback
            assert "hello" in answer.read().decode()
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert complaint == "stopped\n"


@pytest.mark.parametrize("port", ["x", ""])
def test_a_port_that_is_none_is_wrong_usage(here: Here, port: str) -> None:
    assert here("simulator", "--port", port).code == 64
