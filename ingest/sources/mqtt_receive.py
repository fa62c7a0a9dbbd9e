"""One connection to an MQTT broker, on paho-mqtt with a receive path of our own.

Stock paho spends 16 to 24 µs of Python on a message. Here one `recv` fills a buffer, a short loop cuts all PUBLISH
packets out of it, and one callback gets them together; every other packet goes to paho's handler. What is used of
paho's private parts is named, and watched, by tests/ingest/test_mqtt_paho.py; hence the exact pin.

A `Receiver` lives for one connection. A packet identifier means nothing on the next one (after a lost session the
broker counts from 1 again), so an acknowledgement that comes late goes to a dead receiver and is never sent.

Packets: MQTT 5.0 and 3.1.1 (OASIS), §2.1 fixed header, §3.3 PUBLISH, §3.4 PUBACK.
"""

import os
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket

from devices.frames import NOTE_REPEATED, NOTE_RETAINED, Frame

CONNECT_TIMEOUT_S = 5.0
GOODBYE_S = 1.0
RECEIVE_BYTES = 256 * 1024
MAX_PACKET_BYTES = 1024 * 1024
"""No sensor says more at once; a broker that sends more is refused, for it would fill the gateway's memory."""
GATHER_S = 0.005
"""How long to let messages gather when few came: one wake-up for five messages instead of five."""
GATHER_BELOW = 64
"""Frames in a buffer that count as few."""
GATHER_BYTES = 16 * 1024
"""That much is worth waking up for at once."""

_DISCONNECT = b"\xe0\0"
_PUBACK = b"\x40\x02"  # Success needs no reason code in 5.0 either (§3.4.2.1)
_SYSTEM = b"$SYS/"
_NOTES = tuple(NOTE_RETAINED * (flags & 1) + NOTE_REPEATED * (flags >> 3) for flags in range(10))

OnFrames = Callable[[list[Frame], list[bytes]], None]
"""(frames, packet identifiers of those with QoS 1): everything that one `recv` brought."""
OnSystem = Callable[[list[Frame]], None]
"""Messages of `$SYS/`."""


class Found(NamedTuple):
    """What a buffer held.

    frames  in order of arrival
    mids    packet identifiers, two bytes each, of those that came with QoS 1
    system  QoS 0 messages of `$SYS/`, which no device has sent
    """

    frames: list[Frame]
    mids: list[bytes]
    system: list[Frame]


def _variable(buffer: bytes, at: int, stop: int) -> tuple[int, int]:
    """Read a Variable Byte Integer (5.0 §1.5.5): its value and where it ends; (0, -1) = `stop` comes first."""
    value = 0
    for shift in (0, 7, 14, 21):
        if at >= stop:
            return 0, -1
        byte = buffer[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the continuation bit
            if shift and not byte:
                break
            return value, at
    raise MalformedPacket("a length of too many bytes")


def packet_bounds(buffer: bytes, at: int) -> tuple[int, int]:
    """Find the body of the packet that begins at `at`: its start and its end; (0, -1) = it is not whole yet.

    Raises MalformedPacket for a length that MQTT does not know, or that is too much for us.
    """
    length, start = _variable(buffer, at + 1, len(buffer))
    if length > MAX_PACKET_BYTES:
        raise MalformedPacket(f"a packet of {length} bytes; at most {MAX_PACKET_BYTES} are taken")
    if start < 0 or start + length > len(buffer):
        return 0, -1
    return start, start + length


def _payload_at(buffer: bytes, at: int, stop: int) -> int:
    """Return where the payload begins behind the properties at `at` (5.0 §3.3.2.3): none of them matters to us."""
    length, at = _variable(buffer, at, stop)
    if at < 0 or at + length > stop:
        raise MalformedPacket("properties that reach beyond their packet")
    return at + length


def _take_unacknowledged(packet: bytes, found: Found, *, properties: bool) -> None:
    """Take a PUBLISH that is not of QoS 1; `packet` is all of it but its length."""
    end = 3 + (packet[1] << 8) + packet[2]
    if packet[0] & 6:
        raise MalformedPacket("a message of QoS 2, which was not asked for")
    if end + properties > len(packet) or end == 3:  # noqa: PLR2004 - a topic of no bytes
        raise MalformedPacket("a topic that is empty or reaches beyond its packet")
    body = _payload_at(packet, end, len(packet)) if properties else end
    frame = packet[3:end], packet[body:], _NOTES[packet[0] & 9]
    (found.system if frame[0].startswith(_SYSTEM) else found.frames).append(frame)


def take_publishes(buffer: bytes, at: int, found: Found, *, properties: bool) -> int:  # noqa: C901 - flat: calls are dear
    """Cut PUBLISH packets out of `buffer` from `at` on; return where the first other, or not yet whole, packet begins.

    found       what there is is added here
    properties  MQTT 5.0: a block of properties stands before the payload

    Raises MalformedPacket; what came before has been added by then. Never reads beyond the packet it is in.
    """
    add, add_mid, notes = found.frames.append, found.mids.append, _NOTES
    size = len(buffer)
    last = size - 5  # a shorter PUBLISH has no topic
    behind = 3 if properties else 2
    while at <= last:
        first = buffer[at]
        if first & 0xF0 != 0x30:  # noqa: PLR2004 - PUBLISH
            return at
        length = buffer[at + 1]
        start = at + 2
        if length > 127:  # noqa: PLR2004 - the length goes on
            high = buffer[start]
            if 0 < high < 128:  # noqa: PLR2004 - and ends here
                start = at + 3
                length += (high << 7) - 128
            else:
                start, stop = packet_bounds(buffer, at)
                if stop < 0:
                    return at
                length = stop - start
        stop = start + length
        if stop > size:
            return at
        if first & 6 == 2:  # noqa: PLR2004 - QoS 1
            topic = start + 2
            end = topic + (buffer[start] << 8) + buffer[start + 1]
            if end + behind > stop or end == topic:
                raise MalformedPacket("a topic that is empty or reaches beyond its packet")
            body = end + 2
            if properties:
                body = _payload_at(buffer, body, stop) if buffer[body] else body + 1
            add_mid(buffer[end : end + 2])
            add((buffer[topic:end], buffer[body:stop], notes[first & 9]))
        elif length > 2:  # noqa: PLR2004 - a topic of one byte
            _take_unacknowledged(buffer[at : at + 1] + buffer[start:stop], found, properties=properties)
        else:
            raise MalformedPacket("a PUBLISH without a topic")
        at = stop
    return at


class Wake:
    """Wakes a thread out of its `poll`; callable from any thread, also when nobody polls any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return what to poll for reading; -1 when closed."""
        return self._fd

    def set(self) -> None:
        """Wake. Does nothing when closed."""
        with self._lock:  # else the number could belong to another file by now
            if self._fd >= 0:
                os.eventfd_write(self._fd, 1)

    def clear(self) -> None:
        """Take the call; only after `poll` has seen it."""
        os.eventfd_read(self._fd)

    def close(self) -> None:
        """Give the file descriptor back."""
        with self._lock:
            os.close(self._fd)
            self._fd = -1


class Receiver(Client):
    """One connection; all of it belongs to the thread that calls `turn`, only `acknowledge` to any thread.

    trouble  what ended the connection, in words, where the socket or the packets said so
    """

    def __init__(self, client_id: str, *, v5: bool, tls: ssl.SSLContext | None, wake: Wake) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if v5 else False,
            protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self.trouble = ""
        self.on_frames: OnFrames | None = None
        self.on_system: OnSystem | None = None
        self._properties = v5
        self._tls = tls
        self._wake = wake
        self._rest = b""
        self._few = False
        self._acknowledged: deque[list[bytes]] = deque()
        self._waiting = 0
        self._poll = select.poll()
        self._poll.register(wake, select.POLLIN)
        self._open: socket.socket | None = None

    def open(self) -> None:
        """Connect as was set by `connect_async`; CONNACK comes in a later `turn`. Raises OSError."""
        self.reconnect()

    def _create_socket(self) -> socket.socket:
        sock = socket.create_connection((self.host, self.port), timeout=CONNECT_TIMEOUT_S)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else PUBACKs wait for the TCP ack of the last
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self.host)
        except (OSError, ValueError):
            sock.close()
            raise
        self._poll.register(sock, select.POLLIN)
        self._open = sock
        return sock

    def shut(self) -> None:
        """Close the connection if it is still open; nothing is said to the broker."""
        self._sock_close()

    def part(self, within_s: float) -> None:
        """Take nothing more, send the acknowledgements that come `within_s`, say goodbye, and close.

        The broker closes first: closing before it, with bytes unread, resets the connection, and with it goes what the
        broker has not read yet, our acknowledgements.
        """
        until = time.monotonic() + within_s
        while self._waiting and time.monotonic() < until and self.turn(0.1, read=False):
            pass
        if self.socket() is not None:
            self._packet_queue(_PUBACK[0], _DISCONNECT, 0, 0)  # as its own kind, paho would close at once
        until = time.monotonic() + GOODBYE_S
        while time.monotonic() < until and self._unread():
            pass
        self._sock_close()

    def _unread(self) -> bool:
        """Throw away what still comes: it is not acknowledged, and will come again. False = the end."""
        sock = self._open
        if sock is None or self.socket() is None:
            return False
        self._poll.modify(sock, select.POLLIN | (select.POLLOUT if self.want_write() else 0))
        if any(fd == self._wake.fileno() for fd, _ in self._poll.poll(100)):
            self._wake.clear()
        if self.want_write():
            self.loop_write()
        try:
            return bool(self._sock_recv(RECEIVE_BYTES))
        except BlockingIOError:
            return True
        except OSError:
            return False

    # ------------------------------------------------------------------------------------------------------- turns

    def turn(self, wait_s: float, *, read: bool = True) -> bool:
        """Wait until something can be done, at most `wait_s`, and do it; False = the connection has ended.

        read  False: only acknowledge and write
        """
        sock = self._open
        if sock is None or self.socket() is None:
            return False
        hidden = read and isinstance(sock, ssl.SSLSocket) and sock.pending() > 0  # decrypted already: unseen by poll
        if self._few and read and not hidden:
            self._gather(sock)
        self._poll.modify(sock, (select.POLLIN if read else 0) | (select.POLLOUT if self.want_write() else 0))
        ready = dict(self._poll.poll(0 if hidden else wait_s * 1000))
        if self._wake.fileno() in ready:
            self._wake.clear()
        if hidden or ready.get(sock.fileno(), 0) & (select.POLLIN | select.POLLERR | select.POLLHUP):
            self.loop_read()
        if self._acknowledged:
            self._send_acknowledgements()
        if self.want_write():
            self.loop_write()
        self.loop_misc()
        return self.socket() is not None

    def _gather(self, sock: socket.socket) -> None:
        """Few came last time: let more gather, unless much is there, an acknowledgement is due, or the peer is gone."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, GATHER_BYTES)
        self._poll.poll(GATHER_S * 1000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)

    # ----------------------------------------------------------------------------------------------------- receive

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:  # noqa: ARG002 - paho's signature
        """Read what is there and hand it over: frames in one call, everything else to paho."""
        self._few = False
        try:
            data = self._receive()
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError as error:
            self.trouble = str(error)
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        if not data:
            self.trouble = "the broker closed the connection; look into its log (is there a second gateway of this id?)"
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        return self._take(self._rest + data if self._rest else data)

    def _receive(self) -> bytes:
        """One `recv`; under TLS, where a record is often one message, all records that are there."""
        data = self._sock_recv(RECEIVE_BYTES)
        if self._tls is None:
            return data
        parts, size = [data], len(data)
        try:
            while data and size < RECEIVE_BYTES:
                data = self._sock_recv(16 * 1024)  # the most that a record holds
                parts.append(data)
                size += len(data)
        except OSError:
            pass  # nothing more yet, or an end that the next call meets again
        return b"".join(parts)

    def _take(self, buffer: bytes) -> MQTTErrorCode:
        found = Found([], [], [])
        result = MQTTErrorCode.MQTT_ERR_SUCCESS
        at = 0
        try:
            while not result and self._sock is not None:
                at = take_publishes(buffer, at, found, properties=self._properties)
                start, stop = packet_bounds(buffer, at)
                if stop < 0:
                    break
                result = self._other(buffer[at], buffer[start:stop])
                at = stop
        except MalformedPacket as error:
            self.trouble = f"the broker sent {error}"
            result = MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._rest = buffer[at:]
        self._few = 0 < len(found.frames) < GATHER_BELOW
        if found.frames and self.on_frames is not None:
            self._waiting += len(found.mids)
            self.on_frames(found.frames, found.mids)
        if found.system and self.on_system is not None:
            self.on_system(found.system)
        return self._loop_rc_handle(result) if result else result

    def _other(self, first: int, body: bytes) -> MQTTErrorCode:
        """Let paho handle a packet as if it had read it itself."""
        if first & 0xF0 == 0x30:  # noqa: PLR2004 - PUBLISH
            raise MalformedPacket("a PUBLISH without a topic")
        packet = self._in_packet
        packet["command"] = first
        packet["remaining_length"] = packet["to_process"] = len(body)
        packet["packet"] = bytearray(body)
        packet["pos"] = 0
        return self._packet_handle()

    # ------------------------------------------------------------------------------------------------- acknowledge

    @property
    def waiting(self) -> int:
        """QoS 1 messages that were handed over and are not acknowledged."""
        return self._waiting

    def acknowledge(self, mids: list[bytes]) -> None:
        """Have these acknowledged soon, in one write; nothing is sent when this connection has ended."""
        self._acknowledged.append(mids)
        self._wake.set()

    def _send_acknowledgements(self) -> None:
        mids: list[bytes] = []
        while self._acknowledged:
            mids += self._acknowledged.popleft()
        self._waiting -= len(mids)
        if mids:
            self._packet_queue(_PUBACK[0], _PUBACK + _PUBACK.join(mids), 0, 0)
