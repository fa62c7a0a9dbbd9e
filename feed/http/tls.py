"""The console's certificate: one of ours, made at the first start, or the customer's; exchanged while it runs.

A pair that does not fit is refused, and the former one goes on. What is loaded is what was tried: both files are read
once, into memory that no other process sees.
"""

import hashlib
import ipaddress
import logging
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from feed.settings import ConsoleDoorSettings

LASTS = timedelta(days=825)
"""The longest that Apple's systems take, also of an authority that a user trusts (support.apple.com/103769)."""
RENEWED = timedelta(days=30)
"""So long before its end ours is made anew."""

_LINK_LOCAL = "20"  # of the scopes in if_inet6 (include/net/ipv6.h: IPV6_ADDR_LINKLOCAL)

log = logging.getLogger(__name__)

Told = Callable[[str], None]


class Certificate:
    """The TLS context of the console; `look` now and then. One thread at a time.

    tell  is told why a pair is refused, "" when the one that was found is in use
    """

    def __init__(self, settings: ConsoleDoorSettings, state: Path, tell: Told) -> None:
        """Load the customer's pair, or where that is wrong ours, which is made where there is none. Raises OSError."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._settings = settings
        self._folder = state / "tls"
        self._tell = tell
        self._seen: tuple[object, ...] = ()
        self._tried: tuple[object, ...] = ()
        self._unwritten = ""
        self.fingerprint = ""
        if settings.certificate is None or not self._exchange():
            self._ours()

    def look(self) -> None:
        """Take a new pair, if both files have been left alone since the last look; renew ours before it ends."""
        if self._settings.certificate is None:
            try:
                self._ours()
            except OSError as error:
                self._keep_former(error)
            return
        seen = self._stamps()
        if seen != self._tried and seen == self._seen:  # not while somebody still copies
            self._exchange()
        self._seen = seen

    def _keep_former(self, error: OSError | None) -> None:
        """Say once that ours cannot be made anew; None = it was."""
        why = "" if error is None else f"{self._folder / 'console.pem'}: {error}"
        if why != self._unwritten:
            self._unwritten = why
            if why:
                log.error("http.console: no new certificate can be kept, the former goes on: %s", why)
            self._tell(why)

    def _exchange(self) -> bool:
        self._tried = self._seen = self._stamps()
        certificate, key = self._settings.certificate, self._settings.key
        assert certificate is not None  # noqa: S101 - the settings have both or none
        assert key is not None  # noqa: S101 - the settings have both or none
        try:
            pem = certificate.read_bytes() + b"\n" + key.path.read_bytes()
            self._use(pem)
        except (OSError, ssl.SSLError, ValueError) as error:
            why = f"{certificate}: {error}"
            log.error("http.console: this certificate and key are not used, the former go on: %s", why)  # noqa: TRY400
            self._tell(why)
            return False
        self._tell("")
        return True

    def _stamps(self) -> tuple[object, ...]:
        def stamp(path: Path | None) -> object:
            try:
                found = path.stat() if path else None
            except OSError as error:
                return error.errno
            return found and (found.st_ino, found.st_mtime_ns, found.st_size)

        key = self._settings.key
        try:
            return stamp(self._settings.certificate), stamp(key.path if key else None)
        except FileNotFoundError as error:  # no credentials
            return (str(error),)

    def _use(self, pem: bytes) -> None:
        """Try certificate and key, and only then give them to new connections. Raises ssl.SSLError, ValueError."""
        first = x509.load_pem_x509_certificate(pem)
        sealed = os.memfd_create("cityward-tls")
        try:
            with open(sealed, "wb", closefd=False) as file:
                file.write(pem)
            path = f"/proc/self/fd/{sealed}"
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, password=_no_password)
            self.context.load_cert_chain(path, password=_no_password)
        finally:
            os.close(sealed)
        self.fingerprint = first.fingerprint(hashes.SHA256()).hex(":").upper()
        log.info("http.console: certificate with SHA-256 %s", self.fingerprint)

    def _ours(self) -> None:
        """Use our own certificate, which is made where there is none, or its end is near."""
        file = self._folder / "console.pem"
        try:
            pem = file.read_bytes()
            ends = x509.load_pem_x509_certificate(pem).not_valid_after_utc
        except (FileNotFoundError, ValueError):
            pem, ends = b"", datetime.min.replace(tzinfo=UTC)
        if ends - datetime.now(UTC) < RENEWED:
            try:
                pem = _renewed(file, _names(self._settings))
            except OSError as error:
                if not pem:
                    raise
                self._keep_former(error)
            else:
                self._keep_former(None)
        tried = (hashlib.sha256(pem).hexdigest(),)
        if tried != self._tried:
            self._use(pem)
            unnamed = _unnamed(pem, self._settings)
            if unnamed:
                log.warning(
                    "http.console: the certificate does not name %s: browsers that call it so warn. For a new one take "
                    "%s away and restart; each desk has to trust it anew", ", ".join(unnamed), file,
                )  # fmt: skip
            if self._settings.certificate is None:
                self._tried = tried


def _renewed(file: Path, names: list[str]) -> bytes:
    """Make a certificate of ours, and keep it. Raises OSError."""
    pem = self_signed(names)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 - its mode
        out.write(pem)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
    return pem


def _no_password() -> bytes:
    raise ValueError("the key has a password: write it without one")


def _names(settings: ConsoleDoorSettings) -> list[str]:
    host = settings.at.host
    known = [*settings.names, socket.gethostname(), "localhost"]
    known += [host] if host not in ("0.0.0.0", "::") else own_addresses()  # noqa: S104 - compared
    return list(dict.fromkeys(known))


def own_addresses(net: Path = Path("/proc/self/net")) -> list[str]:
    """Read the addresses of this machine, as the kernel lists them (proc(5)): loopback too, link-local ones not."""
    found: list[str] = []
    with suppress(OSError):  # a sandbox that hides it: then there are the names in the settings
        found += re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", (net / "fib_trie").read_text())
    with suppress(OSError):  # no IPv6
        lines = [line.split() for line in (net / "if_inet6").read_text().splitlines()]
        found += [str(ipaddress.IPv6Address(bytes.fromhex(line[0]))) for line in lines if line[3] != _LINK_LOCAL]
    return list(dict.fromkeys(found))


def _unnamed(pem: bytes, settings: ConsoleDoorSettings) -> list[str]:
    """List the names and addresses of the gateway for which a certificate does not hold."""
    try:
        extensions = x509.load_pem_x509_certificate(pem).extensions
        named = set(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        named = set()
    return [each for each in _names(settings) if _general(each) not in named]


def self_signed(names: Iterable[str]) -> bytes:
    """Make a key (ECDSA on P-256) and a certificate for these names and addresses; both as PEM, the key last."""
    given = list(names)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Cityward {given[0]}"[:64])])
    now = datetime.now(UTC) - timedelta(hours=1)  # clocks of other desks
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in given]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return built.public_bytes(serialization.Encoding.PEM) + private


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
