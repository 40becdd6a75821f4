"""`smsbridge simulator`: what it prints is where it listens, and docs/simulator.md is right."""

import base64
import json
import os
import shlex
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import MAIN, ROOT, smsbridge

PAGE = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
REHEARSAL = PAGE.split("<!-- control API -->\n```sh\n", 1)[1].split("```", 1)[0]


@contextmanager
def simulator(*arguments: str | Path) -> Iterator[dict[str, Any]]:
    """What the command printed, while it runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "simulator", "--port", "0", "--control-port", "0", "--json", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if line == "}\n":
                break
        yield json.loads(said)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        process.stdout.close()


def call(
    url: str, body: object = None, *, method: str | None = None, trust: str | None = None, **headers: str
) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310  # our own simulator
    context = ssl.create_default_context(cafile=trust) if trust else None
    try:
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:  # noqa: S310  # our own simulator
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def send(shown: dict[str, Any], *, sender: str = "", **headers: str) -> Any:
    fields = {"recipientAddressList": ["436600000009"], "messageContent": "Hallo"}
    headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    body = {**fields, "senderAddress": sender} if sender else fields
    return call(f"{shown['url']}/smsmessaging/text", body, trust=shown["certificate"], **headers)[1]


def test_login_senders_and_the_log_of_what_was_accepted(tmp_path: Path) -> None:
    log = tmp_path / "accepted"
    options = ("--user", "anna@example.org", "--password", "made-up", "--sender", "+436600000099", "--sender", "ALARM")
    with simulator(*options, "--accept-log", log) as shown:
        assert (shown["user"], shown["password"], shown["certificate"]) == ("anna@example.org", "made-up", None)
        login = {"Authorization": "Basic " + base64.b64encode(b"anna@example.org:made-up").decode()}
        token = {"Authorization": f"Bearer {shown['token']}"}
        assert send(shown, **login)["statusCode"] == 2000
        assert send(shown, sender="ALARM", **token)["statusCode"] == 2000
        assert send(shown, sender="OTHER", **token)["statusCode"] == 4003
        _, messages = call(f"{shown['control_url']}/messages")
        assert [message["sender"] for message in messages] == ["436600000099", "ALARM"]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["transfer_id"] for line in lines] == [message["transfer_id"] for message in messages]


def test_tls_with_a_certificate_made_for_the_moment() -> None:
    with simulator("--tls") as shown:
        assert shown["url"].startswith("https://127.0.0.1:")
        assert send(shown, Authorization=f"Bearer {shown['token']}")["statusCode"] == 2000
        with pytest.raises(urllib.error.URLError):
            call(f"{shown['url']}/smsmessaging/text", b"{}")
        made = Path(shown["certificate"]).parent
    assert not made.exists()


def test_tls_with_files_that_are_made_once_and_stay(tmp_path: Path) -> None:
    files = ("--tls-certificate", tmp_path / "c.pem", "--tls-key", tmp_path / "k.pem")
    with simulator("--tls", *files) as shown:
        first = Path(shown["certificate"]).read_bytes()
    with simulator(*files) as shown:  # a given certificate is reason enough for TLS
        assert shown["url"].startswith("https:")
        assert send(shown, Authorization=f"Bearer {shown['token']}")["statusCode"] == 2000
        assert Path(shown["certificate"]).read_bytes() == first


def test_wrong_usage(tmp_path: Path) -> None:
    assert smsbridge("simulator", "--tls-certificate", tmp_path / "c.pem").code == 64
    missing = smsbridge("simulator", "--tls-certificate", tmp_path / "c.pem", "--tls-key", tmp_path / "k.pem")
    assert (missing.code, "No such file" in missing.err) == (1, True)


def curl(line: str, control_url: str) -> tuple[int, Any]:
    """One curl command of the page, understood as curl understands it."""
    words = shlex.split(line)
    assert words.pop(0) == "curl"
    method = body = None
    if words[0] == "-X":
        method = words[1]
        del words[:2]
    url = words.pop(0).replace("http://127.0.0.1:8091", control_url)
    assert url.startswith(control_url)
    if words:
        option, body = words
        assert option == "-d"
    headers = {} if body is None else {"Content-Type": "application/x-www-form-urlencoded"}
    return call(url, None if body is None else body.encode(), method=method, **headers)


def test_the_rehearsal_of_the_page() -> None:
    lines = [line for line in REHEARSAL.splitlines() if not line.startswith("#")]
    assert len(lines) > 8
    with simulator("--notify-url", "http://127.0.0.1:9/nobody") as shown:
        for line in lines:
            status, answer = curl(line, shown["control_url"])
            assert status == 200, (line, answer)


def test_every_path_of_the_control_api_is_on_the_page() -> None:
    from bridge.simulator import control

    source = Path(control.__file__).read_text(encoding="utf-8")
    paths = {line.split('"')[1] for line in source.splitlines() if line.strip().startswith("web.") and '"/' in line}
    table = PAGE.split("<!-- control API -->", 1)[0]
    assert len(paths) > 8
    for path in paths:
        assert path.replace("{id}", "ID") in table, path
    for name in ("strict", "accept-log", "tls-certificate", "tls-key", "tls", "notify-url"):
        assert f"--{name}" in table
