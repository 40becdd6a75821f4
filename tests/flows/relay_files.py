"""Configuration of the mail servers and the proxy that `relays` starts: the fewest settings that make them go.

Nothing of the machine's own configuration is read, nothing asks DNS, retries come every second.
"""

from dataclasses import dataclass
from pathlib import Path

RELAY = "relay.example.org"
_BIGGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """How a relay is to reach the bridge."""

    port: int
    tls: str = "none"  # "starttls" or "implicit": encrypted or not at all, and the certificate is verified
    authority: Path | None = None  # whom to believe about certificates; PEM
    identity: tuple[Path, Path] | None = None  # its own certificate and key; PEM
    login: tuple[str, str] | None = None  # name and password
    options: tuple[str, ...] = ()  # further lines of the server's own configuration


def main_cf(place: Path, onward: Onward, sink: int) -> str:
    """main.cf."""
    return "\n".join(
        [
            "compatibility_level = 3.6",
            f"queue_directory = {place}/queue",
            f"data_directory = {place}/data",
            f"maillog_file_prefixes = {place}, /dev/stdout",
            "maillog_file = /dev/stdout",
            f"myhostname = {RELAY}",
            "myorigin = $myhostname",
            "mydestination =",
            "alias_maps =",
            "alias_database =",
            "inet_interfaces = 127.0.0.1",
            "inet_protocols = ipv4",
            "mynetworks = 127.0.0.0/8",
            "smtpd_peername_lookup = no",
            "smtpd_relay_restrictions = permit_mynetworks, reject",
            "smtp_dns_support_level = disabled",
            "smtp_host_lookup = native",
            "append_dot_mydomain = no",
            "notify_classes =",
            f"message_size_limit = {_BIGGEST}",
            "queue_run_delay = 1s",
            "minimal_backoff_time = 1s",
            "maximal_backoff_time = 1s",
            f"relayhost = [127.0.0.1]:{sink}",
            f"transport_maps = inline:{{ {{ sms.example.com = onward:[127.0.0.1]:{onward.port} }} }}",
            *onward.options,
            "",
        ]
    )


def master_cf(port: int, onward: Onward) -> str:
    """master.cf: the fewest services with which mail moves, none of them in a chroot."""
    internal = {
        "pickup": "n - n 1 1 pickup",
        "cleanup": "n - n - 0 cleanup",
        "qmgr": "n - n 1 1 qmgr",
        "tlsmgr": "- - n 1000? 1 tlsmgr",
        "rewrite": "- - n - - trivial-rewrite",
        "bounce": "- - n - 0 bounce",
        "defer": "- - n - 0 bounce",
        "trace": "- - n - 0 bounce",
        "flush": "n - n 1000? 0 flush",
        "proxymap": "- - n - - proxymap",
        "anvil": "- - n - 1 anvil",
        "scache": "- - n - 1 scache",
        "showq": "n - n - - showq",
        "error": "- - n - - error",
        "retry": "- - n - - error",
        "smtp": "- - n - - smtp",
    }
    lines = [f"127.0.0.1:{port} inet n - n - - smtpd", "postlog unix-dgram n - n - 1 postlogd"]
    lines += [f"{name} unix {rest}" for name, rest in internal.items()]
    lines += ["onward unix - - n - - smtp"]
    settings = {"syslog_name": "onward", "debug_peer_list": "127.0.0.1", "debug_peer_level": "1"}
    if onward.tls != "none":
        settings |= {
            "smtp_tls_security_level": "secure",
            "smtp_tls_secure_cert_match": "bridge.example.com",
            "smtp_tls_CAfile": str(onward.authority),
            "smtp_tls_wrappermode": "yes" if onward.tls == "implicit" else "no",
        }
    if onward.identity is not None:
        settings |= dict(zip(("smtp_tls_cert_file", "smtp_tls_key_file"), map(str, onward.identity), strict=True))
    if onward.login is not None:
        name, password = onward.login
        settings |= {
            "smtp_sasl_auth_enable": "yes",
            "smtp_sasl_security_options": "noanonymous",
            "smtp_sasl_password_maps": f"inline:{{{{[127.0.0.1]:{onward.port}={name}:{password}}}}}",
            "smtp_send_dummy_mail_auth": "yes",  # AUTH=<> with each MAIL
        }
    lines += [f"  -o {{ {name} = {value} }}" for name, value in settings.items()]
    return "\n".join(lines) + "\n"


def exim_conf(place: Path, port: int, onward: Onward, sink: int) -> str:
    """Exim's one file."""
    encrypted = []
    if onward.tls != "none":
        encrypted = [
            f"protocol = {'smtps' if onward.tls == 'implicit' else 'smtp'}",
            "hosts_require_tls = *",
            f"tls_verify_certificates = {onward.authority}",
            "tls_verify_hosts = *",
            "tls_verify_cert_hostnames =",
        ]
    if onward.identity is not None:
        encrypted += [f"tls_certificate = {onward.identity[0]}", f"tls_privatekey = {onward.identity[1]}"]
    login = []
    if onward.login is not None:
        encrypted += ["hosts_require_auth = *", "authenticated_sender = $sender_address"]
        login = [
            "plain:",
            "driver = plaintext",
            "public_name = PLAIN",
            f"client_send = ^{onward.login[0]}^{onward.login[1]}",
        ]
    return "\n".join(
        [
            f"primary_hostname = {RELAY}",
            f"spool_directory = {place}/spool",
            f"log_file_path = {place}/log/%s",
            f"exim_path = {place}/exim4",
            f"pid_file_path = {place}/exim.pid",
            f"daemon_smtp_ports = {port}",
            "local_interfaces = 127.0.0.1",
            "keep_environment =",
            "never_users =",
            "host_lookup =",
            "rfc1413_hosts =",
            "tls_advertise_hosts =",
            "dsn_advertise_hosts = *",
            "smtputf8_advertise_hosts = *",
            f"message_size_limit = {_BIGGEST}",
            "smtp_accept_max = 0",  # without a limit
            "acl_smtp_rcpt = accept",
            "acl_smtp_data = accept",
            "begin routers",
            "onward:",
            "driver = manualroute",
            "domains = sms.example.com",
            "route_list = * 127.0.0.1",
            "self = send",
            "transport = onward",
            "others:",
            "driver = manualroute",
            "route_list = * 127.0.0.1",
            "self = send",
            "transport = others",
            "begin transports",
            "onward:",
            "driver = smtp",
            f"port = {onward.port}",
            "allow_localhost",
            *encrypted,
            *onward.options,
            "others:",
            "driver = smtp",
            f"port = {sink}",
            "allow_localhost",
            "begin retry",
            "* * F,1h,1s",
            "begin authenticators",
            *login,
            "",
        ]
    )


def haproxy_cfg(port: int, onward: int, header: str) -> str:
    """haproxy's one file; `header` is "send-proxy" or "send-proxy-v2"."""
    return "\n".join(
        [
            "defaults",
            "  mode tcp",
            "  timeout connect 10s",
            "  timeout client 60s",
            "  timeout server 60s",
            "listen mail",
            f"  bind 127.0.0.1:{port}",
            f"  server bridge 127.0.0.1:{onward} {header}",
            "",
        ]
    )
