"""A bridge's mail door with a certificate, with users, or both, as clients find it who do not know its insides."""

import json
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from argon2 import PasswordHasher

from tests.flows.rig import Bridge

HOSTNAME = "bridge.example.com"
_CHEAP = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


class Papers:
    """An authority, and what it has signed, as PEM files in a directory."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._authority = trustme.CA()
        self.authority = place / "authority.pem"
        self._authority.cert_pem.write_to_path(self.authority)

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and key for a host, or for a person where `name` has an @."""
        issued = self._authority.issue_cert(name, common_name=name)
        certificate, key = self._place / f"{name}.pem", self._place / f"{name}.key"
        for pem in issued.cert_chain_pems:
            pem.write_to_path(certificate, append=True)
        key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(key)
        return certificate, key

    def trust(self) -> ssl.SSLContext:
        """For a client that believes this authority alone."""
        return ssl.create_default_context(cafile=self.authority)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who may log in, and as which senders; without a password by certificate."""

    name: str
    password: str = ""
    addresses: tuple[str, ...]

    @property
    def line(self) -> str:
        """In the users file."""
        proof = _CHEAP.hash(self.password) if self.password else "certificate"
        return f"{self.name}:{proof}:{','.join(self.addresses)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDoor:
    """The section [smtpd] of a bridge that is not started yet."""

    mode: str = "starttls"
    papers: Papers | None = None
    users: tuple[User, ...] = ()
    networks: tuple[str, ...] = ()
    listener: dict[str, object] = field(default_factory=dict)  # further keys of the listener
    settings: dict[str, object] = field(default_factory=dict)  # further keys of the section

    def of(self, bridge: Bridge) -> None:
        """Write it into the configuration."""
        listener = {"address": f"127.0.0.1:{bridge.port('smtp')}", "mode": self.mode} | self.listener
        table = ", ".join(f"{key} = {_toml(value)}" for key, value in listener.items())
        section: dict[str, object] = {"networks": list(self.networks)} | self.settings
        if self.papers is not None:
            certificate, key = self.papers.issue(HOSTNAME)
            section |= {"tls_certificate": str(certificate), "tls_key": str(key)}
        if self.users:
            users = bridge.place / "users"
            users.touch(mode=0o600)
            users.write_text("".join(user.line for user in self.users), encoding="utf-8")
            section["users_file"] = str(users)
        lines = [f"listen = [{{ {table} }}]", *(f"{name} = {_toml(value)}" for name, value in section.items())]
        before, _, rest = bridge.config.read_text(encoding="utf-8").partition("[smtpd]\n")
        after = rest[rest.index("\n[") :]
        bridge.config.write_text(before + "[smtpd]\n" + "\n".join(lines) + "\n" + after, encoding="utf-8")


def change(bridge: Bridge, setting: str, new: str) -> None:
    """Another value for a line of the configuration that stands there once."""
    text = bridge.config.read_text(encoding="utf-8")
    assert text.count(setting) == 1, setting
    bridge.config.write_text(text.replace(setting, new), encoding="utf-8")


def _toml(value: object) -> str:
    """Text, numbers, truths and lists are written in TOML as in JSON."""
    return json.dumps(value)
