"""Looks at a broker as a source would see it, with a client of its own: for `cityward doctor`, never for the daemon.

It subscribes as the source does and listens for a few seconds; nothing is published, and the source's own session is
not touched.
"""

import socket
import ssl
import threading
import time
import uuid
from collections import Counter

from msgspec import Struct
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.tracks import topic_matches
from ingest.settings import MqttSettings
from ingest.sources.mqtt import DROPPED, explained, tls_of, trouble

CONNECT_S = 5.0
VERSION = "$SYS/broker/version"


class BrokerSight(Struct):
    """What was seen.

    trouble, trouble_zh   why it cannot be read; "" = it can, or nobody has said it in Chinese
    refused   filters that the broker does not let us read, and why
    by_qos    messages that came, by QoS: with QoS 1 asked for, what comes with 0 was published so; senders_qos0: some
              of their topics
    silent    filters on which nothing came while we listened
    version   what the broker calls itself; "" = it does not say
    dropped   its drop counter; None = it may not be read
    """

    trouble: str = ""
    trouble_zh: str = ""
    refused: dict[str, str] = {}
    by_qos: dict[int, int] = {}
    senders_qos0: list[str] = []
    silent: list[str] = []
    version: str = ""
    dropped: int | None = None


class _Look:
    def __init__(self, settings: MqttSettings) -> None:
        self.settings = settings
        self.v5 = settings.protocol == "5"
        self.sight = BrokerSight()
        self.filters = list(dict.fromkeys(topic.filter for topic in settings.topics))
        self.connected = threading.Event()
        self.subscribed = threading.Event()
        self._counts: Counter[int] = Counter()
        self._heard: set[str] = set()
        self._low: Counter[str] = Counter()

    def client(self) -> Client:
        """Make a client of its own. Raises OSError, UnicodeDecodeError as the source's."""
        settings = self.settings
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"cityward-doctor-{uuid.uuid4().hex[:8]}",
            protocol=MQTTv5 if self.v5 else MQTTv311,
            reconnect_on_failure=False,
        )
        if settings.tls:
            client.tls_set_context(tls_of(settings))
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password.read() if settings.password else None)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.connect_timeout = CONNECT_S
        return client

    def _on_connect(
        self, client: Client, _: object, __: ConnectFlags, reason: ReasonCode, ___: Properties | None
    ) -> None:
        if reason.is_failure:
            self.sight.trouble = explained(reason)
        else:
            names = [*self.filters, VERSION, DROPPED]
            options = [(name, SubscribeOptions(qos=1) if self.v5 else 1) for name in names]
            client.subscribe(options)  # type: ignore[arg-type]  # paho types one of the two forms only
        self.connected.set()

    def _on_subscribe(self, _: Client, __: object, ___: int, reasons: list[ReasonCode], ____: object) -> None:
        for name, reason in zip(self.filters, reasons, strict=False):
            if reason.is_failure:
                self.sight.refused[name] = str(reason)
        self.subscribed.set()

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        if message.topic == VERSION:
            self.sight.version = message.payload.decode("utf-8", "replace")
        elif message.topic == DROPPED:
            self.sight.dropped = int(message.payload) if message.payload.isdigit() else None
        elif not message.retain:
            self._counts[message.qos] += 1
            if message.qos == 0:
                self._low[message.topic] += 1
            self._heard.update(name for name in self.filters if topic_matches(name, message.topic))

    def done(self) -> BrokerSight:
        sight = self.sight
        sight.by_qos = dict(self._counts)
        sight.senders_qos0 = [topic for topic, _ in self._low.most_common(3)]
        sight.silent = [name for name in self.filters if name not in self._heard and name not in sight.refused]
        return sight


def _chinese(error: Exception) -> str:
    """Say `trouble` in Chinese; "" = what the system says itself must do."""
    said = ""
    match error:
        case ConnectionRefusedError():
            said = "连接被拒绝；服务器在运行并监听该端口吗？"
        case socket.gaierror():
            said = f"域名无法解析（{error.strerror}）；请检查 url 和网关的 DNS"
        case ssl.SSLCertVerificationError():
            said = f"证书不受信任（{error.verify_message}）；请检查 ca_file 和 url 中的主机名"
        case ssl.SSLError():
            said = f"TLS 失败（{error.reason or error}）；这是服务器的 TLS 端口吗？"
        case TimeoutError():
            said = "没有应答；请检查网络和服务器的防火墙"
        case UnicodeDecodeError():
            said = "密码不是 UTF-8 文本"
    return said


def look(settings: MqttSettings, listen_s: float) -> BrokerSight:
    """Connect, subscribe as the source does, listen for a while."""
    seeing = _Look(settings)
    try:
        client = seeing.client()
        client.connect(*settings.broker, keepalive=30)
    except (OSError, UnicodeDecodeError) as error:
        return BrokerSight(trouble=trouble(error), trouble_zh=_chinese(error))
    client.loop_start()
    try:
        if not seeing.connected.wait(CONNECT_S):
            return BrokerSight(
                trouble="it takes the connection, but does not answer: is that an MQTT port?",
                trouble_zh="能连上但没有应答：是 MQTT 端口吗？",
            )
        if not seeing.sight.trouble and seeing.subscribed.wait(CONNECT_S):
            time.sleep(listen_s)
    finally:
        client.disconnect()
        client.loop_stop()
    return seeing.done()
