"""The certificate that says who we are to carriers who speak SIP over TLS: made once where none is given.

Nobody but us has signed it. A carrier that wants to know us by it is given the file; most know us by our password.
"""

import os
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wasl.kernel import clock

_VALID = timedelta(days=3650)
_RENEWED = timedelta(days=60)


def make(folder: Path, *hosts: str) -> tuple[Path, Path]:
    """Certificate and key (PEM) in this folder, for these host names and addresses; what is there stays while it holds.

    It names its holder as RFC 5922 wants: by the subject's alternative names.
    """
    certificate, key_file = folder / "sip.crt", folder / "sip.key"
    names = list(dict.fromkeys(host for host in hosts if host))
    if key_file.exists() and certificate.exists() and _holds(certificate, names):
        return certificate, key_file
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for place, content in ((key_file, secret), (certificate, made.public_bytes(serialization.Encoding.PEM))):
        part = place.with_name(f"{place.name}.part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
        part.replace(place)
    return certificate, key_file


def are_certificates(text: str) -> bool:
    """Whether this is one certificate or more, in PEM, and nothing else."""
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        return False
    begun = text.count("-----BEGIN ")
    return bool(found) and begun == len(found) and all(line.isascii() for line in text.splitlines())


def _holds(place: Path, names: list[str]) -> bool:
    try:
        known = x509.load_pem_x509_certificate(place.read_bytes())
        alternative = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    return known.not_valid_after_utc > clock.now() + _RENEWED and list(alternative) == [_name(one) for one in names]


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
