"""Mail by SMTP (RFC 5321), TLS from the beginning (RFC 8314) or by STARTTLS (RFC 3207)."""

import smtplib
import ssl
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from feed.deadline import deadline
from feed.notify.answers import NO_ANSWER, trouble
from feed.notify.records import Message, Upshot, again, refused, sent, shut
from feed.notify.settings import MailSettings
from store.settings import Endpoint

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


def deliver(settings: MailSettings, message: Message, within_s: float) -> Upshot:
    """Hand the mail to its server. Raises OSError, ValueError when the password cannot be read.

    within_s  all of it
    """
    password = settings.password.read() if settings.password is not None else None
    try:
        to, body = mail(settings, message)
    except (ValueError, MessageError) as error:  # what no header can hold
        return refused(f"no mail can be written: {error}"[:300])
    if not to:
        return refused("nobody of them has a mail address")
    return _hand(settings, password, to, body, within_s)


def _hand(settings: MailSettings, password: str | None, to: list[str], body: bytes, within_s: float) -> Upshot:
    handed, left = False, None
    seen = list[smtplib.SMTP]()
    with deadline(within_s, lambda: seen[-1].sock if seen else None) as late:
        try:
            with _connected(settings, within_s, seen) as server:
                if settings.username is not None and password is not None:
                    server.login(settings.username, password)
                server.ehlo_or_helo_if_needed()
                handed = True
                left = server.sendmail(settings.from_, to, body)
        except (OSError, ValueError) as error:  # what smtplib raises of its own is an OSError, too
            if left is None:  # else it was taken, and only the goodbye went wrong
                return again(30.0, NO_ANSWER, maybe=handed) if late.is_set() else upshot(error, handed=handed)
    if left:
        return sent(f"not to {', '.join(left)}: {next(iter(left.values()))}"[:300])
    return sent("accepted")


class _Clear(smtplib.SMTP):
    """Can be seen, and shut down, while it is being made."""

    def __init__(self, seen: list[smtplib.SMTP], where: Endpoint, timeout_s: float) -> None:
        seen.append(self)
        super().__init__(*where, timeout=timeout_s)


class _Tls(smtplib.SMTP_SSL):
    """The same with TLS from the beginning."""

    def __init__(self, seen: list[smtplib.SMTP], where: Endpoint, timeout_s: float, context: ssl.SSLContext) -> None:
        seen.append(self)
        super().__init__(*where, timeout=timeout_s, context=context)


def _connected(settings: MailSettings, within_s: float, seen: list[smtplib.SMTP]) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))
    if settings.security == "tls":
        return _Tls(seen, settings.endpoint, within_s, context)
    server = _Clear(seen, settings.endpoint, within_s)
    if settings.security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def upshot(error: OSError | ValueError, *, handed: bool) -> Upshot:
    """Read a refusal: 4yz = later, 5yz = never (RFC 5321, 4.2.1); wrong credentials = somebody must act."""
    if not isinstance(error, smtplib.SMTPException) or isinstance(error, smtplib.SMTPServerDisconnected):
        bad = isinstance(error, ssl.SSLCertVerificationError)
        return shut(trouble(error)) if bad else again(30.0, trouble(error), maybe=handed)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()), (550, b""))
        words = said.decode(errors="replace")
    elif isinstance(error, smtplib.SMTPResponseException):
        told = error.smtp_error
        code, words = error.smtp_code, told.decode(errors="replace") if isinstance(told, bytes) else told
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
