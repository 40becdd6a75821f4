"""A configuration made of what stands on a page: the page's lines over a bridge.toml that is right already.

What the lines name is made: certificates, passwords, users. Nothing secret stands in the repository.
"""

import json
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import trustme
from argon2 import PasswordHasher

from tests.docs.pages import ROOT, Block

BASE = """\
hostname = "sms.example.com"
domains = ["sms.example.com"]
postmaster = "postmaster@example.com"

[smtpd]
listen = ["127.0.0.1:8025"]

[websms]
token_file = "websms-token"
sender = "+43 660 0000099"

[webhook]
secret_file = "webhook-secret"
public_url = "https://hooks.example.com"

[smarthost]
host = "mail.example.com"
"""
ROUTES = (ROOT / "config" / "routes.toml").read_text(encoding="utf-8")
_CHEAP = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
_PAPERS = ("tls_certificate", "tls_key", "client_ca")
Document = dict[str, Any]


def document(blocks: Iterable[Block]) -> Document:
    """bridge.toml with the blocks over it, later ones over earlier ones."""
    whole = tomllib.loads(BASE)
    for block in blocks:
        _over(whole, tomllib.loads(block.text))
    return whole


def write(place: Path, whole: Document, routes: str, users: Mapping[str, tuple[str, tuple[str, ...]]]) -> Path:
    """Put a configuration and all that it names there; its bridge.toml. `users`: name to password and addresses."""
    (place / "routes.toml").write_text(routes, encoding="utf-8")
    _provide(place, whole)
    if users:
        lines = (f"{name}:{_CHEAP.hash(password)}:{','.join(may)}\n" for name, (password, may) in users.items())
        _private(place / "users", "".join(lines))
        whole["smtpd"]["users_file"] = "users"
    config = place / "bridge.toml"
    config.write_text(dumped(whole), encoding="utf-8")
    config.chmod(0o640)
    return config


def dumped(whole: Document) -> str:
    """As TOML; text, numbers, truths and lists of them are written there as in JSON."""
    top = [f"{key} = {_value(value)}" for key, value in whole.items() if not isinstance(value, dict)]
    for name, section in whole.items():
        if isinstance(section, dict):
            top += ["", f"[{name}]", *(f"{key} = {_value(value)}" for key, value in section.items())]
    return "\n".join(top) + "\n"


def authority(place: Path) -> Path:
    """The certificate of who signed what was made there."""
    return place / "authority.pem"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)


def _over(whole: Document, more: Document) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            _over(whole[key], value)
        else:
            whole[key] = value
    if "maildir" in whole.get("smarthost", {}):
        whole["smarthost"] = {"maildir": whole["smarthost"]["maildir"]}


def _provide(place: Path, whole: Document) -> None:
    """Every file that a setting names; those far away are brought here."""
    signer = trustme.CA()
    signer.cert_pem.write_to_path(authority(place))
    issued = signer.issue_cert(whole["hostname"], common_name=whole["hostname"])
    chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
    papers = dict(zip(_PAPERS, (chain, issued.private_key_pem.bytes(), signer.cert_pem.bytes()), strict=True))
    tables = [section for section in whole.values() if isinstance(section, dict)]
    tables += [entry for entry in whole["smtpd"]["listen"] if isinstance(entry, dict)]
    for table in tables:
        for key in [key for key in table if key in papers or key.endswith("_file")]:
            near = Path(str(table[key]).lstrip("/"))
            table[key] = str(near)
            if key == "users_file":
                _private(place / near, "")
            else:
                _private(place / near, papers.get(key, f"{secrets.token_hex(24)}\n".encode()))


def _private(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
