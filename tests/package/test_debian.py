"""The Debian package as it is built: what lintian says of it, and what is in it.

That it installs, runs, is upgraded and goes without a trace shows `python -m tests.long --only package`.
"""

from pathlib import Path

import pytest

from tests.package import built

pytestmark = pytest.mark.timeout(600)  # building takes half a minute


@pytest.fixture(scope="module")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built.deb(tmp_path_factory.mktemp("deb"))


def test_lintian_finds_no_error(deb: Path) -> None:
    said = built.run(built.tool("lintian", "lintian"), "--allow-root", "--fail-on", "error,warning", deb)
    assert said == ""


def test_it_holds_what_an_administrator_looks_for(deb: Path) -> None:
    held = {line.split()[5].removeprefix(".") for line in built.run("dpkg-deb", "--contents", deb).splitlines()}
    assert {
        "/etc/smsbridge/bridge.toml",
        "/etc/smsbridge/routes.toml",
        "/lib/systemd/system/smsbridge.service",
        "/lib/systemd/system/smsbridge.socket",
        "/usr/bin/smsbridge",
        "/usr/lib/sysusers.d/smsbridge.conf",
        "/usr/lib/tmpfiles.d/smsbridge.conf",
        "/usr/share/bash-completion/completions/smsbridge",
        "/usr/share/man/man1/smsbridge.1.gz",
        "/usr/share/man/man5/bridge.toml.5.gz",
        "/usr/share/man/man5/routes.toml.5.gz",
    } <= held
    assert [name for name in held if name.startswith(("/opt", "/usr/local", "/var", "/home"))] == []
    assert [name for name in held if "__pycache__" in name] == []
    assert any(name.endswith("/bridge/console/templates/base.html") for name in held)
