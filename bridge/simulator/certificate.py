"""A certificate made here, for clients that insist on HTTPS: good for localhost and loopback, trusted by nobody else.

Made by the program ``openssl`` or, where that is missing, by the package ``cryptography``; the simulator needs neither
as long as it is not asked for TLS.
"""

import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

DAYS = 397
NAMES = ("localhost",)
ADDRESSES = ("127.0.0.1", "::1")

_SUBJECT = "smsbridge simulator"
_OPENSSL = f"""\
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = {_SUBJECT}
[extensions]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, digitalSignature, keyCertSign
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {", ".join([*(f"DNS:{n}" for n in NAMES), *(f"IP:{a}" for a in ADDRESSES)])}
"""


class CannotMake(Exception):
    """There is nothing on this machine to make a certificate with."""


def context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with this pair of PEM files. Raises OSError, which `ssl.SSLError` is."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(certificate, key)
    return made


def make(certificate: Path, key: Path) -> None:
    """Write a new self-signed pair of PEM files, the key for its owner only. Raises OSError or `CannotMake`."""
    key.touch(mode=0o600)
    key.chmod(0o600)
    for way in (_by_program, _by_package):
        if way(certificate, key):
            return
    key.unlink()
    raise CannotMake(
        "a certificate can be made by the program openssl or the Python package cryptography, and neither is here: "
        "install one of them, or give a certificate"
    )


def _by_program(certificate: Path, key: Path) -> bool:
    program = shutil.which("openssl")
    if program is None:
        return False
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", str(DAYS)]
    done = subprocess.run(  # noqa: S603  # a fixed command; the paths are the caller's own
        [*command, "-config", "/dev/stdin", "-keyout", str(key), "-out", str(certificate)],
        input=_OPENSSL.encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise OSError(f"openssl could not make a certificate: {said[-1] if said else done.returncode}")
    return True


def _by_package(certificate: Path, key: Path) -> bool:
    try:
        from cryptography import x509  # noqa: PLC0415  # only where it is installed, and only if asked for
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415  # see above
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  # see above
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415  # see above
    except ImportError:
        return False
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _SUBJECT)])
    begin = datetime.now(UTC) - timedelta(minutes=5)
    names = [*(x509.DNSName(n) for n in NAMES), *(x509.IPAddress(ip_address(a)) for a in ADDRESSES)]
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only",
         "decipher_only"), False
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    signed = (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number(), begin, begin + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(private, hashes.SHA256())
    )
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return True
