"""One connection to an MQTT broker, on paho-mqtt with a receive path of our own.

Stock paho spends 16 to 24 µs of Python on a message. Here one `recv` fills a buffer, a short loop cuts all PUBLISH
packets out of it, and one callback gets them together; every other packet goes to paho's handler. What is used of
paho's private parts is named, and watched, by tests/ingest/test_mqtt_paho.py; hence the exact pin.

A `Receiver` lives for one connection. A packet identifier means nothing on the next one (after a lost session the
broker counts from 1 again), so an acknowledgement that comes late goes to a dead receiver and is never sent.

Packets: MQTT 5.0 and 3.1.1 (OASIS), §3.4 PUBACK, §3.14 DISCONNECT; PUBLISH is read in `mqtt_packets`.
"""

import os
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket

from devices.frames import Frame
from ingest.sources.mqtt_packets import Found, MalformedError, Oversized, oversized, packet_bounds, take_publishes

CONNECT_TIMEOUT_S = 5.0
GOODBYE_S = 1.0
RECEIVE_BYTES = 256 * 1024
GATHER_S = 0.003
"""How long to let messages gather when few came: one wake-up for five messages instead of five."""
GATHER_BELOW = 64
"""Frames in a buffer that count as few."""
GATHER_BYTES = 16 * 1024
"""That much is worth waking up for at once."""

CLOSED = "the broker closed the connection; look into its log (is there a second gateway of this id?)"

_DISCONNECT = b"\xe0\0"
_PUBACK = b"\x40\x02"  # Success needs no reason code in 5.0 either (§3.4.2.1)

OnFrames = Callable[[list[Frame], list[bytes]], None]
"""(frames, packet identifiers of those with QoS 1): everything that one `recv` brought."""
OnSystem = Callable[[list[Frame]], None]
"""Messages of `$SYS/`."""
OnOversized = Callable[[Oversized], None]
"""A message that was stepped over."""


class Wake:
    """Wakes a thread out of its `poll`; callable from any thread, also when nobody polls any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._called = False  # and not cleared: one call is enough for all that was said before `clear`
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return what to poll for reading; -1 when closed."""
        return self._fd

    def set(self) -> None:
        """Wake. Does nothing when closed."""
        with self._lock:  # else the number could belong to another file by now
            if self._fd >= 0 and not self._called:
                self._called = True
                os.eventfd_write(self._fd, 1)

    def clear(self) -> None:
        """Take the call; only after `poll` has seen it."""
        with self._lock:
            os.eventfd_read(self._fd)
            self._called = False

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
        self.on_oversized: OnOversized | None = None
        self._properties = v5
        self._tls = tls
        self._wake = wake
        self._rest = b""
        self._large: Oversized | None = None
        self._skip = 0
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
            self.trouble = CLOSED if isinstance(error, ConnectionResetError) else str(error)
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        if not data:
            self.trouble = CLOSED
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        if self._large is not None:
            data = self._step_over(self._large, data)
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
        at, rest = 0, b""
        try:
            while not result and self._sock is not None:
                at = take_publishes(buffer, at, found, properties=self._properties)
                start, stop = packet_bounds(buffer, at)
                if stop < 0:
                    break
                result = self._other(buffer[at], buffer[start:stop])
                at = stop
            rest = buffer[at:]
            if len(rest) > 1 and self._sock is not None and (large := oversized(rest)) is not None:
                self._large, self._skip, rest = large, large.size - len(rest), b""
        except (MalformedError, MalformedPacket) as error:
            self.trouble = f"the broker sent {error}"
            result = MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._rest = rest
        self._few = 0 < len(found.frames) < GATHER_BELOW
        if found.frames and self.on_frames is not None:
            self._waiting += len(found.mids)
            self.on_frames(found.frames, found.mids)
        if found.system and self.on_system is not None:
            self.on_system(found.system)
        return self._loop_rc_handle(result) if result else result

    def _step_over(self, large: Oversized, data: bytes) -> bytes:
        """Throw a large message away; at its end acknowledge and tell it, else it would come again for ever."""
        rest = data[self._skip :]
        self._skip -= len(data) - len(rest)
        if not self._skip:
            self._large = None
            if large.mid:
                self._packet_queue(_PUBACK[0], _PUBACK + large.mid, 0, 0)
            if self.on_oversized is not None:
                self.on_oversized(large)
        return rest

    def _other(self, first: int, body: bytes) -> MQTTErrorCode:
        """Let paho handle a packet as if it had read it itself."""
        if first & 0xF0 == 0x30:  # noqa: PLR2004 - PUBLISH
            raise MalformedError("a PUBLISH without a topic")
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
