"""Every key of bridge.toml in one literal table: how it is read, its default, a sentence for people.

The shipped config/bridge.toml says the same to administrators, bridge/config/settings.py to the program; a
test holds the three together, so that whoever adds a key here is told what else to write.
"""

from collections.abc import Mapping
from typing import Final

from bridge.config.addresses import country, domain, mail_address, originator, phone
from bridge.config.mail_listen import smtp_endpoint
from bridge.config.mail_patterns import mail_pattern
from bridge.config.network import endpoint, host, nameserver, network, peers, url
from bridge.config.reading import Key, Reader, list_of, one_of
from bridge.config.settings import LAYOUTS
from bridge.config.spool_url import spool_url
from bridge.config.values import (
    boolean,
    calls_a_second,
    duration,
    integer,
    path,
    rate,
    secret_path,
    size,
    text,
    xml_name,
)

_LANGUAGE: Final = one_of("en", "de")


def _listen(example: str) -> Reader[object]:
    return list_of(endpoint(example), example=f'["{example}"]', at_least=1)


SCHEMA: Final[Mapping[str, tuple[Key, ...]]] = {
    "": (
        Key("hostname", host, "localhost", "How the bridge calls itself in SMTP greetings and Message-IDs."),
        Key(
            "domains",
            list_of(domain, example='["sms.example.com"]', at_least=1),
            None,
            "Mail for these domains is ours.",
            'write for example domains = ["sms.example.com"]',
        ),
        Key("country", country, "AT", "Region of numbers written without a country code (ISO 3166)."),
        Key("routes", path, "routes.toml", "The file with the table of routes."),
        Key(
            "postmaster",
            mail_address,
            None,
            "The person who gets what belongs to nobody else; an address outside `domains`.",
            'write for example postmaster = "postmaster@example.com"',
        ),
        Key(
            "key_file",
            secret_path,
            "smsbridge.key",
            "Signs tokens and hashes; made on first start if absent.",
        ),
        Key("language", _LANGUAGE, "en", "Language of what the bridge itself writes: en or de."),
        Key(
            "processes",
            integer(1, 64),
            1,
            "Processes that take mails and notifications; one takes some 2,500 mails a second.",
        ),
    ),
    "smtpd": (
        Key(
            "listen",
            list_of(smtp_endpoint, example='["127.0.0.1:8025"]', at_least=1),
            ["127.0.0.1:8025"],
            "Where mail comes in; an entry may be { address = …, mode = …, proxy = …, client_ca = … }.",
        ),
        Key("max_message_size", size(16 * 1024, 64 * 1024**2), "1MiB", "Largest mail that is taken."),
        Key("tls_certificate", path, None, "Certificate chain in PEM; with it STARTTLS is offered."),
        Key("tls_key", path, None, "Private key of the certificate, in PEM."),
        Key("require_tls", boolean, False, "Take no mail over a connection that is not encrypted."),
        Key("users_file", secret_path, None, "Who may log in; lines of name:hash:address,address,*@domain."),
        Key(
            "networks",
            list_of(peers, example='["192.0.2.0/24"]'),
            [],
            "Peers trusted to tell the truth about the envelope sender.",
        ),
        Key(
            "max_connections",
            integer(10, 10_000),
            200,
            "Clients at once; in a full house who keeps us waiting longest gives way.",
        ),
        Key(
            "max_connections_per_address",
            integer(1, 10_000),
            20,
            "Clients at once from one address; peers in `networks` are not counted.",
        ),
    ),
    "mail_authentication": (
        Key("check", boolean, False, "Believe the From domain of mail that SPF or DKIM prove; asks DNS."),
        Key(
            "relays",
            list_of(peers, example='["192.0.2.0/24"]'),
            [],
            "Relays before the bridge whose topmost Authentication-Results is believed.",
        ),
        Key("authserv_id", host, None, "The name with which these relays begin that header."),
        Key(
            "nameservers",
            list_of(nameserver, example='["127.0.0.1:53"]'),
            [],
            "Resolvers to ask; an empty list is those of the system.",
        ),
    ),
    "websms": (
        Key(
            "url",
            url(origin=False, example="https://api.websms.com/rest"),
            "https://api.websms.com/rest",
            "Where the provider's interface is.",
        ),
        Key("token_file", secret_path, None, "File with the access token; or use username and password_file."),
        Key("username", text, None, "User of the account, instead of a token."),
        Key("password_file", secret_path, None, "File with that user's password."),
        Key(
            "token_in",
            one_of("header", "query"),
            "header",
            "Where the token goes; query puts it into URLs, which proxies log.",
        ),
        Key("sender", originator, None, "What phones show as sender where a route says nothing else."),
        Key("test", boolean, False, "Let the provider check everything and send nothing."),
        Key("max_in_flight", integer(1, 1000), 8, "Calls to the provider at the same time, of all nodes together."),
        Key("rate", calls_a_second, 0, "Calls a second, of all nodes together; 0 leaves the pace to the provider."),
    ),
    "webhook": (
        Key("listen", _listen("127.0.0.1:8080"), ["127.0.0.1:8080"], "Where SMS and delivery reports come in."),
        Key(
            "secret_file",
            secret_path,
            None,
            "File with the secret in the webhook's address; every line of it is valid.",
            'write for example secret_file = "webhook-secret"; make the file with: openssl rand -hex 24',
        ),
        Key(
            "public_url",
            url(origin=True, example="https://hooks.example.com"),
            None,
            "The origin at which the provider reaches the webhook.",
        ),
        Key(
            "networks",
            list_of(network, example='["192.0.2.0/24"]'),
            [],
            "Who may call the webhook; an empty list is anybody who knows the secret.",
        ),
        Key("xml_root", xml_name, "notificationResponse", "Root element of answers to notifications in XML."),
    ),
    "websms_mail": (
        Key(
            "address",
            mail_address,
            None,
            "Secret address in one of our domains that takes SMS as mail; off without it.",
        ),
        Key(
            "networks",
            list_of(peers, example='["192.0.2.0/24"]'),
            [],
            "The provider's mail servers: nobody else may write to that address.",
        ),
        Key(
            "patterns",
            list_of(mail_pattern, example="['From: <(?P<phone>\\d+)@.*\\n\\n(?P<text>(?s:.*))']", at_least=1),
            list(LAYOUTS),
            "Where phone, line, text and id stand: a known layout or an own pattern; the first that fits counts.",
        ),
    ),
    "smarthost": (
        Key("host", host, None, "The mail server that takes mail from the bridge."),
        Key("port", integer(1, 65535), 587, "Its port."),
        Key(
            "tls",
            one_of("required", "implicit", "opportunistic", "none"),
            "required",
            "required and opportunistic use STARTTLS, implicit starts encrypted, none never encrypts.",
        ),
        Key("username", text, None, "User to log in as."),
        Key("password_file", secret_path, None, "File with that user's password."),
        Key("maildir", path, None, "Put mail into this Maildir instead of sending it."),
    ),
    "spool": (
        Key("url", spool_url, "sqlite:smsbridge.db", "Where messages are kept until they are delivered."),
        Key("password_file", secret_path, None, "File with the database's password; a sqlite file has none."),
        Key("max_queued", integer(1, 100_000_000), 1_000_000, "With so many waiting no more is taken."),
        Key("keep_text", duration("0s", "3650d"), "72h", "How long the text of a finished message is kept."),
        Key("keep_history", duration("1h", "3650d"), "90d", "How long it is known what became of a message."),
    ),
    "limits": (
        Key("sender", rate, "60/m", "Messages of one author."),
        Key("recipient", rate, "30/m", "Messages to one phone."),
        Key("route", rate, "120/m", "Messages over one route."),
        Key("total", rate, "600/m", "Messages of everybody."),
    ),
    "notices": (
        Key("collect", duration("0s", "1h"), "2s", "How long outcomes of one mail wait for each other."),
        Key("limit", rate, "60/h", "Notices to one author; what is more comes as one list an hour."),
        Key("language", _LANGUAGE, None, "Language of notices; without it the language above."),
    ),
    "console": (
        Key(
            "listen",
            _listen("127.0.0.1:8081"),
            ["127.0.0.1:8081"],
            "Where the operator's window, /healthz and /readyz are served.",
        ),
        Key("users_file", secret_path, None, "Who may open the window; lines of name:hash:operator or :viewer."),
        Key(
            "names",
            list_of(host, example='["console.example.com"]'),
            [],
            "Host names in its address, besides `hostname` and those of this machine.",
        ),
    ),
    "heartbeat": (
        Key("number", phone, None, "One of our own numbers at the provider, to which the SMS goes; off without it."),
        Key("sender", originator, None, "Whom that SMS is from; without it the account's sender above."),
        Key("every", duration("10m", "7d"), "1h", "How often; each SMS costs what an SMS costs."),
        Key("answer", duration("1m", "1d"), "10m", "How long it may take to come back through the webhook."),
    ),
}
