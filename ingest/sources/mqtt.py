"""An MQTT broker as a source: frames in with QoS 1, acknowledged once they are on the disk.

The session is persistent and the client id fixed (`cityward-GATEWAY-SOURCE`), so the broker keeps what comes while we
are away, as far as its queue reaches (deploy/mosquitto). What it drops all the same it counts in
`$SYS/broker/publish/messages/dropped`, which is watched. Back-pressure is the withheld PUBACK: with MQTT 5 the broker
has at most RECEIVE_MAXIMUM messages under way to us, with 3.1.1 what its `max_inflight_messages` says.
"""

import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.frames import Batch, Frame
from ingest.settings import MqttSettings
from ingest.sources import Deliver, Report
from ingest.sources.mqtt_held import Held
from ingest.sources.mqtt_packets import MAX_PACKET_BYTES, Oversized
from ingest.sources.mqtt_receive import Receiver, Wake

RECEIVE_MAXIMUM = 4000
READ_AHEAD = 2 * RECEIVE_MAXIMUM  # mosquitto sends more than it may when acknowledgements come in bursts (2.0.11)
"""Messages under way and not acknowledged (5.0 §3.1.2.11.3): more than a group holds, so that it never waits for us."""
SESSION_S = 7 * 24 * 3600
"""How long the broker keeps the session of a gateway that is away."""
KEEPALIVE_S = 30
RETRY_S = (1.0, 10.0)
STEADY_S = 30.0
"""A connection that lasted so long was a good one: the next attempt comes soon again."""
IDLE_S = 0.5
"""The longest wait for the socket, and thus until `stop` is seen."""
PARTING_S = 2.0
"""How long `stop` lets acknowledgements of what was delivered come in, so that it is not delivered twice."""
DROPPED = "$SYS/broker/publish/messages/dropped"

_WHAT_TO_DO = {  # names as paho gives them for both versions (5.0 §2.4, §3.2.2.2)
    "Bad user name or password": "check username and password of this source, and the broker's password file",
    "Not authorized": "check username and password of this source, and the broker's users and their rights",
    "Client identifier not valid": "allow this client id in the broker",
    "Unsupported protocol version": "the broker does not speak MQTT 5: set `protocol: 3.1.1`",
    "Session taken over": "another client uses the same client id: is there a second gateway of this id?",
    "Banned": "the broker has banned this client: look into its log",
    "Server shutting down": "the broker is being stopped",
    "Keep alive timeout": "the link was silent for too long",
}

_log = logging.getLogger(__name__)


def trouble(error: Exception) -> str:
    """Say what a failed attempt to connect means."""
    text = str(error)
    match error:
        case ConnectionRefusedError():
            text = "connection refused; does the broker run, and listen there?"
        case socket.gaierror():
            text = f"the name does not resolve ({error.strerror}); check the url and the gateway's DNS"
        case ssl.SSLCertVerificationError():
            text = f"its certificate is not trusted: {error.verify_message}; check ca_file and the host in the url"
        case ssl.SSLError():
            text = f"no TLS: {error.reason or error}; is that the broker's TLS port?"
        case TimeoutError():
            text = "no answer; check the network and the broker's firewall"
        case UnicodeDecodeError():
            text = "the password is not UTF-8 text"
    return text


def explained(reason: ReasonCode, words: str = "") -> str:
    """Say what a broker's reason code means, and what to do."""
    name = str(reason)
    told = f"{name} ({words})" if words else name
    return f"{told}; {_WHAT_TO_DO[name]}" if name in _WHAT_TO_DO else told


def tls_of(settings: MqttSettings) -> ssl.SSLContext:
    """Read the certificates of authorities. Raises OSError with the name of a file that cannot be used."""
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        why = getattr(error, "reason", None) or error.strerror
        raise OSError(f"ca_file {settings.ca_file}: {why}; it must be PEM that the service's user may read") from error


def _to_nobody(batch: Batch, _: Callable[[], None]) -> None:
    raise RuntimeError(f"{batch.source} delivers before it runs")


class MqttSource:
    """One broker. `run` is its thread; `counts` may be called from any.

    dropped_before  the broker's drop counter as it was last reported; None = what it is at first is taken for known
    kept_in         a folder, for what must be known of the session at the next start; None = nothing is kept
    """

    waits = False

    def __init__(
        self,
        settings: MqttSettings,
        gateway: str,
        report: Report,
        *,
        dropped_before: int | None = None,
        kept_in: Path | None = None,
    ) -> None:
        self.client_id = f"cityward-{gateway}-{settings.name}"
        self._held = Held(kept_in and kept_in / f"{self.client_id}.json")
        self._settings = settings
        self._v5 = settings.protocol == "5"
        self._report = report
        self._dropped = dropped_before
        self._received = 0
        self._link: tuple[bool, str] | None = None
        self._refused: bool | None = None
        self._answered = self._had_session = False
        self._ended = ""
        self._deliver: Deliver = _to_nobody

    @property
    def window(self) -> int | None:
        """The most frames that may wait for their acknowledgement: then the broker sends no more."""
        return RECEIVE_MAXIMUM if self._v5 else self._settings.inflight

    def counts(self) -> dict[str, int]:
        """Frames delivered since the start."""
        return {"received": self._received}

    # --------------------------------------------------------------------------------------------------- connection

    def run(self, deliver: Deliver, stop: threading.Event) -> None:
        """Deliver until `stop` is set, connecting again with growing delays.

        Returns within IDLE_S and PARTING_S, while a connection is being made within its time limit. What is raised
        comes from `deliver` or is a defect.
        """
        self._deliver = deliver
        wake = Wake()
        failures = 0
        try:
            while not stop.is_set():
                began = time.monotonic()
                self._connection(wake, stop)
                failures = 0 if time.monotonic() - began >= STEADY_S else failures + 1
                shortest, longest = RETRY_S
                delay_s = random.uniform(shortest, min(longest, shortest * 2**failures))  # noqa: S311 - only to spread
                stop.wait(delay_s)
        finally:
            wake.close()

    def _connection(self, wake: Wake, stop: threading.Event) -> None:
        """Connect, and stay until the connection ends or `stop` is set."""
        self._answered = False
        self._ended = ""
        try:
            receiver = self._receiver(wake)
            receiver.open()
        except (OSError, UnicodeDecodeError) as error:
            self._say(up=False, why=trouble(error))
            return
        try:
            while receiver.turn(IDLE_S, read=receiver.waiting < READ_AHEAD):
                if stop.is_set():
                    receiver.part(PARTING_S)
                    return
        finally:
            receiver.shut()
        hint = ""
        if self._v5 and not self._answered:
            hint = "; if the broker does not speak MQTT 5, set `protocol: 3.1.1`"
        self._say(up=False, why=self._ended or f"{receiver.trouble or 'the link was silent for too long'}{hint}")

    def _receiver(self, wake: Wake) -> Receiver:
        """Make the client of one connection. Secrets and certificates are read anew each time: they may have changed.

        Raises OSError or UnicodeDecodeError when they cannot be read.
        """
        settings = self._settings
        tls = tls_of(settings) if settings.tls else None
        receiver = Receiver(self.client_id, v5=self._v5, tls=tls, wake=wake)
        receiver.on_frames = partial(self._frames, receiver)
        receiver.on_system = self._system
        receiver.on_oversized = self._oversized
        receiver.on_connect = self._connected
        receiver.on_disconnect = self._disconnected
        if settings.username is not None:
            password = settings.password.read() if settings.password is not None else None
            receiver.username_pw_set(settings.username, password)
        host, port = settings.broker
        if self._v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_S
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            receiver.connect_async(host, port, KEEPALIVE_S, clean_start=False, properties=properties)
        else:
            receiver.connect_async(host, port, KEEPALIVE_S)
        return receiver

    # ------------------------------------------------------------------------------- callbacks, in the source's thread

    def _connected(self, client: Client, _: object, flags: ConnectFlags, reason: ReasonCode, __: object) -> None:
        self._answered = True
        if reason.is_failure:
            self._ended = explained(reason)
            return
        self._say(up=True, why="the broker kept our session" if flags.session_present else "a new session")
        if not flags.session_present and (self._had_session or self._held.known()):
            _log.error("%s: the broker has lost our session, and what it kept for us", self.client_id)
            self._report("session_lost", {})
        self._had_session = True
        filters = list(dict.fromkeys(topic.filter for topic in self._settings.topics))
        old = self._held.begin(filters, kept=flags.session_present)
        if old:
            client.on_unsubscribe = partial(self._unsubscribed, filters, old)
            client.unsubscribe(old)
        client.on_subscribe = partial(self._subscribed, filters)
        # Also where the session was kept: filters that are new in the configuration are not in it.
        if self._v5:
            asked = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            client.subscribe([(name, asked) for name in filters])
            client.subscribe(DROPPED, options=SubscribeOptions(qos=0))
        else:
            client.subscribe([(name, 1) for name in filters])
            client.subscribe(DROPPED)

    def _subscribed(
        self, filters: list[str], client: Client, _: object, __: int, reasons: list[ReasonCode], ___: object
    ) -> None:
        """Say which filters were refused. The first answer is that to the filters, the next that to the counter."""
        client.on_subscribe = self._watching
        refused = [f"{name} ({reason})" for name, reason in zip(filters, reasons, strict=True) if reason.is_failure]
        if not refused and self._refused is False:
            return
        self._refused = bool(refused)
        names = ", ".join(refused)
        data = {
            "name": "subscription-refused",
            "bad": self._refused,
            "why_zh": f"服务器拒绝订阅 {names}；请检查该用户的读取权限" if refused else "",
            "why_en": f"the broker refuses {names}; give this user the right to read them" if refused else "",
        }
        if refused:
            _log.error("%s: refused filters: %s", self.client_id, names)
        self._report("condition", data)

    def _unsubscribed(
        self, filters: list[str], old: list[str], _: Client, __: object, ___: int, ____: list[ReasonCode], _____: object
    ) -> None:
        """Forget what is not wanted any more; a filter that the session did not have (17) is gone, too."""
        self._held.ended(filters)
        _log.info("%s: no longer subscribed: %s", self.client_id, ", ".join(old))

    def _watching(self, _: Client, __: object, ___: int, reasons: list[ReasonCode], ____: object) -> None:
        if any(reason.is_failure for reason in reasons):
            _log.warning("%s: %s may not be read: messages that the broker drops stay unknown", self.client_id, DROPPED)

    def _disconnected(
        self, _: Client, __: object, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._ended = explained(reason, getattr(properties, "ReasonString", ""))

    def _frames(self, receiver: Receiver, frames: list[Frame], mids: list[bytes]) -> None:
        self._received += len(frames)
        self._deliver(Batch(self._settings.name, 0, frames), partial(receiver.acknowledge, mids))

    def _oversized(self, large: Oversized) -> None:
        """Tell what was too large to keep. MQTT 5 could forbid it, but then the broker drops it and counts nothing."""
        topic = large.topic.decode(errors="replace")
        cause = f"a message of {large.size} bytes on {topic}; at most {MAX_PACKET_BYTES} are taken"
        _log.error("%s: %s", self.client_id, cause)
        self._report("missed", {"count": 1, "cause": cause})

    def _system(self, messages: list[Frame]) -> None:
        """Watch the broker's drop counter. It begins at 0 again when the broker does."""
        for topic, payload, _ in messages:
            if topic != DROPPED.encode() or not payload.isdigit():
                continue
            total = int(payload)
            first = self._dropped is None  # also then it is told: what is dropped while we are away is more than this
            before = total if self._dropped is None else self._dropped
            dropped = total - before if total >= before else total
            self._dropped = total
            if dropped:
                _log.error("%s: the broker has dropped %d messages; its queue was full", self.client_id, dropped)
            if dropped or first:
                self._report("drops", {"dropped": dropped, "total": total})

    def _say(self, *, up: bool, why: str) -> None:
        """Report the link when something about it has changed; an attempt that fails like the last is no news."""
        if self._link == (up, why):
            return
        self._link = up, why
        where = "{}:{}".format(*self._settings.broker)
        _log.log(logging.INFO if up else logging.WARNING, "%s: %s: %s", self.client_id, where, why)
        self._report("link", {"up": up, "why": f"{where}: {why}"})
