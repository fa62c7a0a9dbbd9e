"""One connection to a broker, for the MQTT feed: paho runs in a thread of its own, the feed's thread looks.

The session is clean: what the broker has not acknowledged the feed sends again by its own position, and a command that
came while nobody listened is repeated by who sent it (docs/decisions/0029).
"""

import ssl
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from feed.feeds_settings import MqttFeedSettings

CONNECT_S = 10.0
KEEPALIVE_S = 30
COMMANDS_WAITING = 1_000  # more are thrown away: who sent them gets no answer, and repeats them
COMMAND_BYTES = 16 << 10


class LinkError(Exception):
    """There is no connection, or there is none any more."""


class Incoming(Struct, frozen=True):
    """A message on the topic of commands."""

    payload: bytes
    retained: bool


class Link:
    """Connected from the moment it is made. For one thread.

    will    (topic, payload) that the broker publishes, retained, when we are gone without a word
    listen  topic of commands; None = none are taken
    wake    called from paho's thread when something has come, or the connection has ended
    refused  why the broker does not let us listen; "" = it does
    """

    def __init__(
        self,
        settings: MqttFeedSettings,
        client_id: str,
        *,
        will: tuple[str, bytes],
        listen: str | None,
        wake: Callable[[], None],
    ) -> None:
        """Connect. Raises LinkError; OSError or UnicodeError where password, certificates or host cannot be read."""
        self._where = "{}:{}".format(*settings.broker)
        self._listen, self._wake = listen, wake
        self._five = settings.protocol == "5"
        self._connected = threading.Event()
        self._ended = ""
        self._incoming: deque[Incoming] = deque(maxlen=COMMANDS_WAITING)
        self._waiting: deque[tuple[MQTTMessageInfo, object]] = deque()
        self.refused = ""
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTv5 if self._five else MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        client.will_set(*will, qos=1, retain=True)
        if settings.tls:
            client.tls_set_context(ssl.create_default_context(cafile=settings.ca_file))
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password.read() if settings.password else None)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        try:
            client.connect(*settings.broker, keepalive=KEEPALIVE_S)
        except OSError as error:
            raise LinkError(f"{self._where}: {error}") from error
        client.loop_start()  # as paho wants it: then `publish` hands over, and only its thread writes
        if not self._connected.wait(CONNECT_S) or self._ended:
            why = self._ended or "it takes the connection, but does not answer"
            self.shut()
            raise LinkError(f"{self._where}: {why}")

    # ------------------------------------------------------------------------------------------ the feed's thread

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, then: object = None) -> None:
        """Hand a message over, QoS 1; `then` is given by `acknowledged` when the broker has it. Raises LinkError."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkError(f"{self._where}: {self._ended or info.rc.name}")
        self._waiting.append((info, then))

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged."""
        return len(self._waiting)

    def acknowledged(self) -> list[object]:
        """Give the `then` of messages that the broker has by now, in order. Raises LinkError when there is no link."""
        if self._ended:
            raise LinkError(f"{self._where}: {self._ended}")
        found = []
        while self._waiting and self._waiting[0][0].is_published():
            found.append(self._waiting.popleft()[1])
        return found

    def incoming(self) -> list[Incoming]:
        """Give the commands that came, in order."""
        found = []
        with suppress(IndexError):
            while True:
                found.append(self._incoming.popleft())
        return found

    def part(self) -> None:
        """Say goodbye: the broker forgets the will."""
        self._client.disconnect()
        self.shut()

    def shut(self) -> None:
        """End the connection, if there still is one, and paho's thread."""
        self._client.on_disconnect = None
        self._client.loop_stop()
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    # ------------------------------------------------------------------------- paho's thread; nothing may raise here

    def _end(self, why: str) -> None:
        self._ended = self._ended or why
        self._connected.set()
        self._wake()

    def _on_connect(self, _: Client, __: object, ___: ConnectFlags, reason: ReasonCode, ____: object) -> None:
        if reason.is_failure:
            self._end(f"{reason}; check username, password and the broker's rights")
            return
        if self._listen is not None:
            if self._five:  # to see that a command is retained also while we listen; 3.1.1 has no word for it
                self._client.subscribe(self._listen, options=SubscribeOptions(qos=1, retainAsPublished=True))
            else:
                self._client.subscribe(self._listen, qos=1)
        self._connected.set()

    def _on_disconnect(
        self, _: Client, __: object, ___: DisconnectFlags, reason: ReasonCode, ____: Properties | None
    ) -> None:
        self._end(f"the connection has ended: {reason}")

    def _on_subscribe(
        self, _: Client, __: object, ___: int, reasons: list[ReasonCode], ____: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self.refused = f"{self._where}: {self._listen} may not be read ({reasons[0]}): commands are not heard"
            self._wake()

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        if len(message.payload) <= COMMAND_BYTES:
            self._incoming.append(Incoming(bytes(message.payload), message.retain))
            self._wake()

    def _on_publish(self, _: Client, __: object, ___: int, reason: ReasonCode, ____: Properties | None) -> None:
        if reason.is_failure:  # MQTT 5 only; 3.1.1 has no word for it
            self._end(f"a message was refused: {reason}; give this user the right to publish")
