"""The receive path: whatever the network does to a stream, the same frames come out, and never more than was sent."""

import itertools
import random
import time
from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket

from devices.frames import NOTE_REPEATED, NOTE_RETAINED, Frame
from ingest.sources import mqtt_receive
from ingest.sources.mqtt_packets import MAX_PACKET_BYTES, Found, MalformedError, Oversized, take_publishes
from ingest.sources.mqtt_receive import Receiver, Wake
from tests.load import publish_packet

PINGRESP = b"\xd0\0"
GOOD = publish_packet(b"a/b", b"{}", 7)


class Chunks:
    """A socket that gives these chunks, then nothing more."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = [chunk for chunk in chunks if chunk][::-1]
        self.closed = False

    def recv(self, buffer_size: int) -> bytes:  # noqa: ARG002 - a socket's signature
        if not self.chunks:
            raise BlockingIOError
        return self.chunks.pop()

    def send(self, buffer: bytes | bytearray) -> int:
        return len(buffer)

    def close(self) -> None:
        self.closed = True

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - a socket's signature
        pass


@pytest.fixture(scope="module")
def wake() -> Iterator[Wake]:
    wake = Wake()
    yield wake
    wake.close()


class Ear:
    """A receiver that hears what a scripted socket says."""

    def __init__(self, wake: Wake, *, v5: bool) -> None:
        self.receiver = Receiver("test", v5=v5, tls=None, wake=wake)
        self.receiver.on_frames = self._take
        self.receiver.on_system = self._take_system
        self.large: list[Oversized] = []
        self.receiver.on_oversized = self._take_large
        self.frames: list[Frame] = []
        self.mids: list[bytes] = []
        self.system: list[Frame] = []

    def _take(self, frames: list[Frame], mids: list[bytes]) -> None:
        self.frames += frames
        self.mids += mids

    def _take_system(self, messages: list[Frame]) -> None:
        self.system += messages

    def _take_large(self, large: Oversized) -> None:
        self.large.append(large)

    def hear(self, chunks: Sequence[bytes]) -> tuple[list[Frame], list[bytes], bool]:
        """Return the frames, their identifiers, and whether the connection was kept."""
        self.frames, self.mids, self.system = [], [], []
        sock = Chunks(chunks)
        self.receiver._sock = sock
        self.receiver._rest = b""
        self.receiver._large = None
        while sock.chunks and not sock.closed:
            self.receiver.loop_read()
        return self.frames, self.mids, not sock.closed


@pytest.fixture(scope="module")
def ears(wake: Wake) -> dict[bool, Ear]:
    return {v5: Ear(wake, v5=v5) for v5 in (False, True)}


versions = pytest.mark.parametrize("v5", [False, True], ids=["3.1.1", "5"])


@versions
def test_a_message_becomes_a_frame_with_its_notes(ears: dict[bool, Ear], *, v5: bool) -> None:
    """Retained and repeated are told apart; QoS 0 has no identifier to acknowledge."""
    flags = {0: b"", 1: NOTE_RETAINED, 8: NOTE_REPEATED, 9: NOTE_RETAINED + NOTE_REPEATED}
    stream = b"".join(publish_packet(b"t", b"%d" % bits, 256 + bits, v5=v5, flags=2 | bits) for bits in flags)
    stream += publish_packet(b"t", b"qos 0", 0, v5=v5, flags=0) + PINGRESP
    frames, mids, kept = ears[v5].hear([stream])
    assert frames == [*((b"t", b"%d" % bits, note) for bits, note in flags.items()), (b"t", b"qos 0", b"")]
    assert mids == [bytes([1, bits]) for bits in flags]
    assert kept


@versions
def test_the_brokers_own_messages_are_no_frames(ears: dict[bool, Ear], *, v5: bool) -> None:
    stream = publish_packet(b"$SYS/broker/x", b"4", 0, v5=v5, flags=1) + publish_packet(b"$S", b"5", 0, v5=v5, flags=0)
    assert ears[v5].hear([stream])[0] == [(b"$S", b"5", b"")]
    assert ears[v5].system == [(b"$SYS/broker/x", b"4", NOTE_RETAINED)]


@versions
@pytest.mark.parametrize(
    "size", [0, 1, 110, 111, 112, 113, 114, 115, 127, 128, 16_360, 16_370, 16_380, 16_390, 300_000]
)
def test_every_length_of_length(ears: dict[bool, Ear], size: int, *, v5: bool) -> None:
    """The remaining length takes one, two or three bytes."""
    stream = (publish_packet(b"site/1/a", b"x" * size, 1, v5=v5) + PINGRESP) * 2
    chunks = [stream[at : at + 65536] for at in range(0, len(stream), 65536)]
    frames, mids, kept = ears[v5].hear(chunks)
    assert [len(payload) for _, payload, _ in frames] == [size, size]
    assert (mids, kept) == ([b"\0\1", b"\0\1"], True)


def test_properties_of_mqtt_5_are_stepped_over(ears: dict[bool, Ear]) -> None:
    """Message expiry, then a user property so long that the length of all takes two bytes."""
    for properties in (b"\x02\0\0\0\x09", b"\x26\0\x01k\0\xc8" + b"v" * 200):
        size = bytes([len(properties)]) if len(properties) < 128 else bytes([len(properties) & 127 | 128, 1])
        body = b"\0\1t\0\5" + size + properties + b"payload"
        length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) & 127 | 128, 1])
        assert ears[True].hear([b"\x32" + length + body])[0] == [(b"t", b"payload", b"")]


MALFORMED = {
    "a topic that reaches beyond its packet": b"\x32\x06\0\x09ab\0\1",
    "a topic that reaches into the next packet, QoS 0": b"\x30\x04\0\x09ab",
    "no topic": b"\x32\x05\0\0\0\1\0",
    "no topic, QoS 0": b"\x30\x03\0\0x",
    "no room for a topic": b"\x30\x02\0\0",
    "no room for a topic's length": b"\x30\x01\0",
    "empty": b"\x30\x00",
    "empty, QoS 1": b"\x32\x00",
    "no room for an identifier": b"\x32\x04\0\1t\0",
    "QoS 2": b"\x34\x06\0\1t\0\1\0",
    "QoS 3": b"\x36\x06\0\1t\0\1\0",
    "a length of five bytes": b"\x32\xff\xff\xff\xff\x01",
    "a length with a byte too many": b"\x32\x86\x00\0\1t\0\1\0",
    "a length with two bytes too many": b"\x32\x86\x80\x00\0\1t\0\1\0",
    "a large packet that is no message": b"\x90\xff\xff\xff\x7f",
    "a packet that MQTT does not know": b"\x00\x02\0\0",
}
MALFORMED_5 = {
    "no room for properties": b"\x32\x05\0\1t\0\1",
    "no room for properties, QoS 0": b"\x30\x03\0\1t",
    "properties that reach beyond": b"\x32\x07\0\1t\0\1\x05x",
    "properties whose length reaches beyond": b"\x32\x06\0\1t\0\1\x80",
    "a length of properties of five bytes": b"\x32\x0a\0\1t\0\1\xff\xff\xff\xff\x01",
}


@pytest.mark.parametrize(
    ("v5", "packet"),
    [
        *(pytest.param(v5, packet, id=f"{name}, {v5=}") for name, packet in MALFORMED.items() for v5 in (False, True)),
        *(pytest.param(True, packet, id=name) for name, packet in MALFORMED_5.items()),
    ],
)
def test_nonsense_ends_the_connection_and_takes_nothing_of_the_next_packet(
    ears: dict[bool, Ear], packet: bytes, *, v5: bool
) -> None:
    """What came before it is delivered; whole or byte by byte makes no difference."""
    before = publish_packet(b"a/b", b"{}", 7, v5=v5)
    stream = before + packet + before * 2
    for chunks in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        assert ears[v5].hear(chunks) == ([(b"a/b", b"{}", b"")], [b"\0\7"], False)
        assert ears[v5].receiver.trouble or packet[0] == 0


def _messages(dice: random.Random, count: int, *, v5: bool) -> tuple[list[bytes], list[Frame], list[bytes]]:
    packets, frames, mids = [], [], []
    for _ in range(count):
        topic = dice.randbytes(dice.randint(1, 12)).replace(b"$", b"x")
        payload = dice.randbytes(dice.choice((0, 1, 5, 60, 120, 200)))
        qos, bits, mid = dice.choice((0, 2, 2, 2)), dice.choice((0, 0, 0, 1, 8, 9)), dice.randint(1, 65535)
        packets.append(publish_packet(topic, payload, mid, v5=v5, flags=qos | bits))
        note = NOTE_RETAINED * (bits & 1) + NOTE_REPEATED * (bits >> 3)
        frames.append((topic, payload, note))
        mids += [mid.to_bytes(2, "big")] if qos else []
        if dice.random() < 0.1:
            packets.append(PINGRESP)
    return packets, frames, mids


@versions
def test_split_at_every_byte(ears: dict[bool, Ear], *, v5: bool) -> None:
    packets, frames, mids = _messages(random.Random(1), 12, v5=v5)
    stream = b"".join(packets)
    for at in range(len(stream)):
        assert ears[v5].hear([stream[:at], stream[at:]]) == (frames, mids, True)
    assert ears[v5].hear([stream[at : at + 1] for at in range(len(stream))]) == (frames, mids, True)


@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 3000), max_size=20), v5=st.booleans())
def test_any_chunking_of_any_messages(ears: dict[bool, Ear], seed: int, cuts: list[int], *, v5: bool) -> None:
    packets, frames, mids = _messages(random.Random(seed), 20, v5=v5)
    stream = b"".join(packets)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    chunks = [stream[a:b] for a, b in itertools.pairwise(edges)]
    assert ears[v5].hear(chunks) == (frames, mids, True)


def _mutated(dice: random.Random, stream: bytes) -> bytes:
    out = bytearray(stream)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(out))
        match dice.randrange(4):
            case 0:
                out[at] = dice.randrange(256)
            case 1:
                out[at] ^= 1 << dice.randrange(8)
            case 2:
                del out[at : at + dice.randint(1, 4)]
            case _:
                out[at:at] = dice.randbytes(dice.randint(1, 4))
        if not out:
            return b"\0"
    return bytes(out)


@versions
def test_a_hundred_thousand_mutated_packets(ears: dict[bool, Ear], *, v5: bool) -> None:
    """Whatever comes: frames or the end of the connection, the same for every chunking, and nothing raised."""
    dice = random.Random(212 + v5)
    ear = ears[v5]
    for _ in range(9_000):
        packets, _, _ = _messages(dice, 6, v5=v5)
        stream = _mutated(dice, b"".join(packets))
        whole = ear.hear([stream])
        at, step = dice.randrange(len(stream)), dice.randint(1, 40)
        assert ear.hear([stream[:at], stream[at:]]) == whole
        assert ear.hear([stream[n : n + step] for n in range(0, len(stream), step)]) == whole


@versions
def test_paho_reads_the_same_in_mutated_packets(*, v5: bool) -> None:
    """Wherever paho's own decoder accepts a packet, ours finds the same topic, payload and identifier."""
    dice = random.Random(5)
    version = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
    agreed = 0
    for _ in range(20_000):
        body = _mutated(dice, publish_packet(b"abc/d", b"12345678", 258, v5=v5)[2:])
        packet = b"\x32" + bytes([len(body)]) + body
        try:
            theirs = _packet.decode_publish(0x32, body, version)
        except MalformedPacket:
            continue
        found = Found([], [], [])
        if not theirs.topic:
            with pytest.raises(MalformedError):
                take_publishes(packet, 0, found, properties=v5)
            continue
        assert take_publishes(packet, 0, found, properties=v5) == len(packet)
        assert found.frames == [(theirs.topic, theirs.payload, b"")]
        assert found.mids == [theirs.mid.to_bytes(2, "big")]
        agreed += 1
    assert agreed > 5_000


@versions
@pytest.mark.parametrize("qos", [0, 1])
def test_a_message_too_large_to_keep_is_stepped_over(ears: dict[bool, Ear], qos: int, *, v5: bool) -> None:
    """It is told and acknowledged, wherever its head is cut; what stands around it arrives, memory stays small."""
    ear = ears[v5]
    small = publish_packet(b"a/b", b"{}", 7, v5=v5)
    limit = publish_packet(b"a/c", b"x" * (MAX_PACKET_BYTES - 12 - v5), 8, v5=v5)
    assert len(limit) <= MAX_PACKET_BYTES
    large = publish_packet(b"camera/1", b"x" * 3_000_000, 9, v5=v5, flags=2 * qos)
    stream = small + large + limit + small
    for first in range(len(small), len(small) + 20):
        ear.large.clear()
        chunks = [stream[:first], *(stream[at : at + 200_000] for at in range(first, len(stream), 200_000))]
        frames, mids, kept = ear.hear(chunks)
        assert [topic for topic, _, _ in frames] == [b"a/b", b"a/c", b"a/b"]
        assert (mids, kept) == ([b"\0\7", b"\0\x08", b"\0\7"], True)
        assert ear.large == [Oversized(b"camera/1", len(large), b"\0\x09" if qos else b"")]


def test_acknowledgements_go_out_in_one_write(wake: Wake) -> None:
    """Five bursts of the pipeline make one packet string; MQTT 5 takes the short form too."""
    sent: list[bytes] = []

    class Sending(Chunks):
        def send(self, buffer: bytes | bytearray) -> int:
            sent.append(bytes(buffer))
            return len(buffer)

    ear = Ear(wake, v5=True)
    ear.hear([b"".join(publish_packet(b"t", b"", mid, v5=True) for mid in range(1, 11))])
    ear.receiver._sock = Sending([])
    assert ear.receiver.waiting == 10
    for at in range(0, 10, 2):
        ear.receiver.acknowledge(ear.mids[at : at + 2])
    ear.receiver._send_acknowledgements()
    assert sent == [b"".join(b"\x40\x02\0" + bytes([mid]) for mid in range(1, 11))]
    assert ear.receiver.waiting == 0


@versions
def test_a_message_costs_less_than_a_microsecond(*, v5: bool) -> None:
    """157 bytes each, a thousand in a buffer; measured 0.41 µs (5) and 0.39 µs (3.1.1), stock paho 16 to 24 µs."""
    payload = b"x" * (157 - 3 - 2 - 22 - 2 - v5)
    stream = b"".join(publish_packet(b"site/a/dev/%06d/up/xyz" % n, payload, n + 1, v5=v5) for n in range(1000))
    best = 1e9
    for _ in range(20):
        began = time.process_time()
        for _ in range(5):
            found = Found([], [], [])
            take_publishes(stream, 0, found, properties=v5)
        best = min(best, (time.process_time() - began) / 5)
        assert len(found.frames) == 1000
    print(f"{best * 1e3:.3f} µs a message")
    assert best * 1e3 < 1.0


def test_a_wake_that_is_closed_wakes_nobody() -> None:
    """The pipeline may acknowledge after a source has ended."""
    wake = Wake()
    wake.set()
    wake.clear()
    wake.close()
    wake.set()
    assert wake.fileno() == -1
    assert mqtt_receive.GATHER_S < 0.01
