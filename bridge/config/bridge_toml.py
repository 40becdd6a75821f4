"""bridge.toml as values: every key read, every section known, and what the keys mean together.

Answers with the values of all sections, whatever could be read, so that the other files are checked in the
same run.
"""

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Final

from bridge.config import mail_listen, ports, spool_url
from bridge.config.addresses import is_reserved
from bridge.config.network import is_loopback
from bridge.config.problems import did_you_mean, printable
from bridge.config.reading import Place, read_keys
from bridge.config.schema import SCHEMA
from bridge.config.settings import (
    ConsoleSettings,
    HeartbeatSettings,
    LimitsSettings,
    MailAuthenticationSettings,
    NoticesSettings,
    Settings,
    SmarthostSettings,
    SmtpdSettings,
    SpoolSettings,
    WebhookSettings,
    WebsmsMailSettings,
    WebsmsSettings,
)

_MAIL_AUTHENTICATION: Final = ("dns", "dkim", "nacl", "publicsuffixlist")
"""What the extra `mailauth` installs."""

Values = dict[str, Any]
"""Read values by key; each is of the type its reader in the schema gives.

Without a key: unset, or unusable.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the file: what was read of it, and where it stands."""

    values: Values
    written: frozenset[str]  # keys that stand in the file, usable or not
    place: Place

    def says(self, *keys: str) -> list[str]:
        """Those of `keys` that stand in the file."""
        return [key for key in keys if key in self.written]


def read(place: Place) -> dict[str, Section]:
    """All sections by name, ``""`` for the top of the file; problems go to the collector."""
    data = place.document.data
    sections: dict[str, Section] = {}
    for name in data:
        _check_top_name(name, data[name], place)
    for name, keys in SCHEMA.items():
        if name:
            place = replace(place, country=sections[""].values.get("country", place.country))
        here = place.at(name) if name else place
        table = _own_keys(data) if not name else data.get(name, {})
        if not isinstance(table, dict):
            here.problem("this must be a section", f"write [{name}] on a line of its own and its keys below it")
            table = {}
        if name:
            _check_names(table, name, here)
        known = {key: value for key, value in table.items() if any(key == one.name for one in keys)}
        sections[name] = Section(read_keys(known, keys, here), frozenset(table), here)
    for check in _CHECKS:
        check(sections)
    return sections


def _own_keys(data: dict[str, object]) -> dict[str, object]:
    """The keys before the first section."""
    return {name: value for name, value in data.items() if name not in SCHEMA}


def _check_top_name(name: str, value: object, place: Place) -> None:
    keys = [key.name for key in SCHEMA[""]]
    sections = [section for section in SCHEMA if section]
    if name not in keys and name not in sections:
        if isinstance(value, dict):
            place.at(name).problem(f"there is no section [{printable(name)}]", did_you_mean(name, sections))
        else:
            place.at(name).problem("there is no such key", _where_it_belongs(name, "", keys))


def _check_names(table: dict[str, object], section: str, place: Place) -> None:
    keys = [key.name for key in SCHEMA[section]]
    for name in table:
        if name not in keys:
            place.at(name).problem("there is no such key", _where_it_belongs(name, section, keys))


def _where_it_belongs(name: str, section: str, keys: list[str]) -> str:
    """The sections that do have such a key, else the nearest key of this one."""
    owners = [
        f"[{other}]" if other else "the top of the file"
        for other, its_keys in SCHEMA.items()
        if other != section and any(key.name == name for key in its_keys)
    ]
    return f"it belongs into {' or '.join(owners)}" if owners else did_you_mean(name, keys)


def settings(sections: dict[str, Section]) -> Settings:
    """The frozen settings; only to be called when no problem was found."""
    return Settings(
        **sections[""].values,
        smtpd=SmtpdSettings(**sections["smtpd"].values),
        mail_authentication=MailAuthenticationSettings(**sections["mail_authentication"].values),
        websms=WebsmsSettings(**sections["websms"].values),
        webhook=WebhookSettings(**sections["webhook"].values),
        websms_mail=WebsmsMailSettings(**sections["websms_mail"].values),
        smarthost=SmarthostSettings(**sections["smarthost"].values),
        spool=SpoolSettings(**sections["spool"].values),
        limits=LimitsSettings(**sections["limits"].values),
        notices=NoticesSettings(**sections["notices"].values),
        console=ConsoleSettings(**sections["console"].values),
        heartbeat=HeartbeatSettings(**sections["heartbeat"].values),
    )


def _check_domains(sections: dict[str, Section]) -> None:
    top = sections[""]
    domains = top.values.get("domains", ())
    for index, domain in enumerate(domains):
        if domain in domains[:index]:
            top.place.at("domains", index).problem(f"«{domain}» stands here twice", "remove one of them")
    postmaster = top.values.get("postmaster", "")
    if postmaster.rpartition("@")[2] in domains:
        top.place.at("postmaster").problem(
            f"«{postmaster}» lies in one of our own domains", "name a mailbox outside `domains`"
        )


def _check_smtpd(sections: dict[str, Section]) -> None:
    smtpd = sections["smtpd"]
    has_certificate, has_key = smtpd.says("tls_certificate"), smtpd.says("tls_key")
    if has_key and not has_certificate:
        smtpd.place.at("tls_key").problem("there is a key but no certificate", "set tls_certificate as well")
    if has_certificate and not has_key:
        smtpd.place.at("tls_certificate").problem("there is a certificate but no key", "set tls_key as well")
    has_tls, needs_tls = bool(has_certificate or has_key), bool(smtpd.values.get("require_tls"))
    if needs_tls and not has_tls:
        smtpd.place.at("require_tls").problem(
            "TLS is required but there is no certificate", "set tls_certificate and tls_key"
        )
    listen, networks = smtpd.values.get("listen", ()), smtpd.values.get("networks")
    mail_listen.check(listen, smtpd.place, networks=networks, has_tls=has_tls, needs_tls=needs_tls)


def _check_mail_authentication(sections: dict[str, Section]) -> None:
    section = sections["mail_authentication"]
    relays, name = section.values.get("relays", ()), section.says("authserv_id")
    if relays and not name:
        section.place.at("authserv_id").problem(
            "is missing: the relays' results cannot be told from forged ones",
            'write the name with which they begin that header, for example authserv_id = "mx.example.com"',
        )
    believed = sections["smtpd"].values.get("networks") or ()
    if any(one.network_address in other or other.network_address in one for one in relays for other in believed):
        section.place.at("relays").problem(
            "one of them lies in [smtpd] networks, and so its envelope senders are believed unchecked",
            "keep it in one of the two; what relays mail from strangers belongs here",
        )
    if name and not section.says("relays"):
        section.place.at("authserv_id").problem("there are no relays that write it", "set relays as well, or remove it")
    if section.values.get("nameservers") and section.values.get("check") is False:
        section.place.at("nameservers").problem("nothing is asked of them", "write check = true, or remove them")
    if section.values.get("check") and not all(find_spec(name) for name in _MAIL_AUTHENTICATION):
        section.place.at("check").problem(
            "the libraries for it are not installed", "install them: pip install 'smsbridge[mailauth]'"
        )


def _check_websms(sections: dict[str, Section]) -> None:
    websms = sections["websms"]
    place = websms.place
    token, login = websms.says("token_file"), websms.says("username", "password_file")
    if token and login:
        place.at(login[0]).problem(
            "there is a token_file as well", "keep token_file, or username and password_file, not both"
        )
    elif login == ["username"]:
        place.at("username").problem("there is no password_file for it", "set password_file as well")
    elif login == ["password_file"]:
        place.at("password_file").problem("there is no username for it", "set username as well")
    elif not token and not login:
        place.at("token_file").problem(
            "is missing", 'write for example token_file = "websms-token", or username and password_file'
        )
    if ":" in websms.values.get("username", ""):
        place.at("username").problem("a colon cannot be part of it", "write the user name as the provider does")
    if websms.values.get("token_in") == "query":
        place.at("token_in").warning("the token stands in URLs, and URLs are logged", 'write token_in = "header"')
        if login:
            place.at("token_in").problem("only a token can go there", "set token_file, or remove token_in")
    if websms.values.get("test") is True:
        place.at("test").warning("test mode: the provider checks everything and sends nothing", "false sends")


def _check_webhook(sections: dict[str, Section]) -> None:
    webhook = sections["webhook"]
    if not webhook.says("public_url"):
        webhook.place.at("public_url").warning(
            "is not set: no delivery reports will come", 'write for example "https://hooks.example.com"'
        )


def _check_websms_mail(sections: dict[str, Section]) -> None:
    section, domains = sections["websms_mail"], sections[""].values.get("domains", ())
    address = section.values.get("address")
    if address is None:
        if section.values.get("networks"):
            section.place.at("address").problem("is missing", "write an address nobody can guess in one of `domains`")
        return
    if domains and address.rpartition("@")[2] not in domains:
        section.place.at("address").problem(
            "the address is in none of our domains", f"write it @{domains[0]}, or the mail never comes here"
        )
    if is_reserved(address):
        section.place.at("address").problem(
            "the bridge needs this address itself", "write an address nobody can guess, for example with 20 letters"
        )
    if section.values.get("networks") == ():
        section.place.at("networks").problem(
            "nobody may write to that address", "name the networks of the provider's mail servers"
        )


def _check_smarthost(sections: dict[str, Section]) -> None:
    smarthost = sections["smarthost"]
    place, values = smarthost.place, smarthost.values
    host, maildir = smarthost.says("host"), smarthost.says("maildir")
    if not host and not maildir:
        place.at("host").problem("is missing", 'write for example host = "mail.example.com", or maildir = "maildir"')
    if host and maildir:
        place.at("maildir").problem("there is a host as well", "keep one of host and maildir")
    elif maildir:
        for key in smarthost.says("port", "tls", "username", "password_file"):
            place.at(key).problem("a maildir has no use for it", "remove it, or set host instead of maildir")
        return
    login = smarthost.says("username", "password_file")
    if login == ["username"]:
        place.at("username").problem("there is no password_file for it", "set password_file as well")
    if login == ["password_file"]:
        place.at("password_file").problem("there is no username for it", "set username as well")
    if login and values.get("tls") in {"none", "opportunistic"} and not is_loopback(values.get("host", "")):
        place.at("tls").warning("the password may travel unencrypted", 'write tls = "required"')


def _check_spool(sections: dict[str, Section]) -> None:
    spool = sections["spool"]
    url = spool.values.get("url", "")
    if url.startswith("postgresql:"):
        spool_url.check(url, spool.place.at("url"))
    elif spool.says("password_file") and url:
        spool.place.at("password_file").problem("sqlite has no password", "remove it")
    if spool.values.get("keep_text", 0) > spool.values.get("keep_history", float("inf")):
        spool.place.at("keep_text").problem("this is longer than keep_history", "make keep_history at least as long")


def _check_heartbeat(sections: dict[str, Section]) -> None:
    heartbeat = sections["heartbeat"]
    if heartbeat.values.get("answer", 0) > heartbeat.values.get("every", float("inf")):
        heartbeat.place.at("answer").problem("the next one would go before this one is missed", "make every longer")


def _check_listeners(sections: dict[str, Section]) -> None:
    console = sections["console"]
    has_users = bool(console.says("users_file"))
    ports.check_console(console.values.get("listen", ()), console.place, has_users=has_users)
    ports.check(
        (entry, sections[name].place.at("listen", index))
        for name in ("smtpd", "webhook", "console")
        for index, entry in enumerate(sections[name].values.get("listen", ()))
    )


_CHECKS = (
    _check_domains,
    _check_smtpd,
    _check_mail_authentication,
    _check_websms,
    _check_webhook,
    _check_smarthost,
    _check_spool,
    _check_websms_mail,
    _check_heartbeat,
    _check_listeners,
)
