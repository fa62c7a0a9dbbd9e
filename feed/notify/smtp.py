"""Mail by SMTP (RFC 5321), TLS from the beginning (RFC 8314) or by STARTTLS (RFC 3207)."""

import smtplib
import ssl
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from feed.notify.records import Message, Verdict, again, refused, sent, shut
from feed.notify.settings import MailSettings

LIMITS = ((60_000, 30),)
MOST_BYTES = 200_000
IDEMPOTENT = False
PERSONAL = True

_AUTH = (530, 534, 535, 538)
_TOO_BIG = (552, 554)


def mail(settings: MailSettings, message: Message) -> tuple[list[str], bytes]:
    """Write the mail: to whom, and its bytes. Its Message-ID is the same when it is sent again."""
    whole = EmailMessage()
    whole["Subject"] = message.title
    whole["From"] = formataddr((message.gateway, settings.from_))
    to = [person for person in message.people if person.email]
    whole["To"] = [Address(person.name, addr_spec=person.email) for person in to]
    whole["Date"] = format_datetime(datetime.fromtimestamp(message.t_ms // 1000, UTC))
    whole["Message-ID"] = f"<{message.id}@{settings.from_.partition('@')[2]}>"
    whole["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    if message.urgent:
        whole["Importance"] = "high"
    whole.set_content("\n".join(message.lines), cte="base64")
    return [person.email for person in to], whole.as_bytes()


def deliver(settings: MailSettings, message: Message, timeout_s: float) -> Verdict:
    """Hand the mail to its server. Raises OSError, ValueError when the password cannot be read."""
    password = settings.password.read() if settings.password is not None else None
    try:
        to, body = mail(settings, message)
    except (ValueError, MessageError) as error:  # what no header can hold
        return refused(f"no mail can be written: {error}"[:300])
    if not to:
        return refused("nobody of them has a mail address")
    return _hand(settings, password, to, body, timeout_s)


def _hand(settings: MailSettings, password: str | None, to: list[str], body: bytes, timeout_s: float) -> Verdict:
    handed = False
    try:
        with _connected(settings, timeout_s) as server:
            if settings.username is not None and password is not None:
                server.login(settings.username, password)
            server.ehlo_or_helo_if_needed()
            handed = True
            left = server.sendmail(settings.from_, to, body)
    except smtplib.SMTPException as error:
        return verdict(error, handed=handed)
    except ssl.SSLCertVerificationError as error:
        return shut(f"certificate: {error.verify_message}")
    except (OSError, ValueError) as error:
        return again(30.0, f"{type(error).__name__}: {error}"[:300], maybe=handed)
    if left:
        return sent(f"not to {', '.join(left)}: {next(iter(left.values()))}"[:300])
    return sent("accepted")


def _connected(settings: MailSettings, timeout_s: float) -> smtplib.SMTP:
    host, port = settings.endpoint
    context = ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))
    if settings.security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=context)
    server = smtplib.SMTP(host, port, timeout=timeout_s)
    if settings.security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def verdict(error: smtplib.SMTPException, *, handed: bool) -> Verdict:
    """Read a refusal: 4yz = later, 5yz = never (RFC 5321, 4.2.1); wrong credentials = somebody must act."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()), (550, b""))
        words = said.decode(errors="replace")
    elif isinstance(error, smtplib.SMTPResponseException):
        code, words = error.smtp_code, str(error)
    elif isinstance(error, smtplib.SMTPServerDisconnected):
        return again(30.0, f"disconnected: {error}"[:300], maybe=handed)
    else:
        return shut(f"{type(error).__name__}: {error}"[:300])  # no AUTH, no STARTTLS
    detail = f"{code} {words}"[:300]
    if 400 <= code < 500:  # noqa: PLR2004 - 4yz
        return again(60.0, detail)
    if code in _AUTH or (isinstance(error, smtplib.SMTPAuthenticationError)):
        return shut(detail)
    if handed and (code in _TOO_BIG or isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError)):
        return refused(detail)
    return shut(detail)
