"""HJ 212: checksums against an oracle, streams cut anywhere, the dialects of the field, and who is answered what."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.hj212 import (
    MAX_BYTES,
    CrcForm,
    Packet,
    answer,
    answer_cn,
    build_packet,
    crc_hj212,
    parse,
    time_ms,
    time_text,
)
from devices.hj212_stream import Splitter
from devices.readings import Refusal
from devices.registers import crc_modbus
from tests.devices.captures import captures

PACKETS = [c.payload for c in captures() if c.model.id == "hj212-dust" and c.payload.startswith(b"##")]
GOOD = [frame for frame in PACKETS if isinstance(parse(frame), Packet)]
DATA = b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"


def opened(frame: bytes) -> Packet:
    packet = parse(frame)
    assert isinstance(packet, Packet), packet
    return packet


def refused(frame: bytes) -> Refusal:
    refusal = parse(frame)
    assert isinstance(refusal, Refusal), refusal
    return refusal


def oracle(data: bytes) -> int:
    """Annex A as it is printed, bit by bit."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ byte
        for _ in range(8):
            low = crc & 1
            crc >>= 1
            if low:
                crc ^= 0xA001
    return crc


@pytest.mark.parametrize(
    ("data", "hj212", "modbus"),
    [
        (DATA, 0x1C80, 0x0759),  # annex A; the sentence under it misprints 1C08
        (
            b"QN=20240601085857223;ST=32;CN=1011;PW=123456;MN=010000A8900016F000169DC0;Flag=9;CP=&&&&",
            0x2200,
            0xCCF4,
        ),  # HJ 212-2025 annex A.1
        (b"123456789", 0x2F80, 0x4B37),
        (b"A", 0x7080, 0x707F),
        (b"", 0xFFFF, 0xFFFF),
    ],
)
def test_published_checksums(data: bytes, hj212: int, modbus: int) -> None:
    assert (crc_hj212(data), crc_modbus(data)) == (hj212, modbus)


@given(st.binary(max_size=200))
def test_checksum_against_the_printed_algorithm(data: bytes) -> None:
    assert crc_hj212(data) == oracle(data)


# ----------------------------------------------------------------------------------------------------- dialects


@pytest.mark.parametrize("form", ["hj212", "modbus", "modbus_le", "hj212_le"])
@pytest.mark.parametrize("surplus", [0, 6])
def test_four_checksums_and_two_lengths(form: CrcForm, surplus: int) -> None:
    frame = build_packet(qn=None, st="22", cn="2011", mn="X1", cp="a34002-Rtd=1", crc=form, surplus=surplus)
    packet = opened(frame)
    assert packet.factors == {"a34002": {"Rtd": "1"}}
    assert packet.surplus == surplus
    assert packet.crc == form
    assert opened(frame[:-6] + frame[-6:-2].lower() + b"\r\n") == packet, "case of the checksum does not matter"


@pytest.mark.parametrize("digits", [2, 3, 4])
def test_lengths_of_fewer_digits(digits: int) -> None:
    cp = {2: "a=1", 3: "a34002-Rtd=1;" * 8, 4: "a34002-Rtd=1;" * 90}[digits]
    frame = build_packet(qn=None, st=None, cn="2011", pw=None, mn="X1", flag=None, cp=cp)
    short = b"##%d%s" % (int(frame[2:6]), frame[6:])
    assert opened(short) == opened(frame)
    assert Splitter().feed(short) == [short]


def test_0000_is_a_checksum_like_any_other() -> None:
    cps = (f"n={number}" for number in range(100_000))
    frames = (build_packet(qn=None, st="22", cn="2011", mn="X1", cp=cp) for cp in cps)
    frame = next(frame for frame in frames if frame.endswith(b"0000\r\n"))
    assert opened(frame).cn == "2011"


def test_stray_separators_odd_case_and_twice_said() -> None:
    data = b"QN=1;ST=22;CN=2011;PW=1,MN=X1;FLAG=5;CP=&&DataTime=20260101000000;;a1-Rtd=1,a1-Rtd=2;Flag=N;LA-td=5;x;&&"
    packet = opened(b"##%04d%s%04X\r\n" % (len(data), data, crc_hj212(data)))
    assert (packet.mn, packet.flag, packet.data_time) == ("X1", 5, "20260101000000")
    assert packet.factors == {"a1": {"Rtd": "2"}, "LA": {"td": "5"}}


@pytest.mark.parametrize(
    ("frame", "reason", "detail"),
    [
        (b"hello", "not_mine", "begins with b'he'"),
        (b"##", "syntax", "four checksum digits"),
        (b"##0102%s1C80\r\n" % DATA, "length", "says 102 characters, has 101"),
        (b"##0101%s1C81\r\n" % DATA, "checksum", "checksum 1C81, computed 1C80"),
        (b"##0005helloXXXX\r\n", "syntax", "four checksum digits"),
        (b"##0005hello%04X\r\n" % crc_hj212(b"hello"), "syntax", "no CP=&&"),
    ],
)
def test_refusals_say_why(frame: bytes, reason: str, detail: str) -> None:
    refusal = refused(frame)
    assert refusal.reason == reason
    assert detail in refusal.detail


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("20180821142509", 1_534_832_709_000),
        ("2018082114250999", 1_534_832_709_000),
        ("20180821", -1),
        ("20181321142509", -1),
        ("19700101080000", -1),
        ("2018082114250x", -1),
        ("", -1),
        (None, -1),
    ],
)
def test_times_are_of_china(text: str | None, ms: int) -> None:
    assert time_ms(text) == ms


@given(st.integers(946_700_000, 4_102_400_000))
def test_times_come_back(seconds: int) -> None:
    assert time_ms(time_text(seconds * 1000)) == seconds * 1000


# ------------------------------------------------------------------------------------------------------ answers


def asked(cn: str, flag: int | None, cp: str = "DataTime=20260101000000") -> Packet:
    return opened(build_packet(qn="20260101000000123", st="39", cn=cn, pw="654321", mn="X1", flag=flag, cp=cp))


@pytest.mark.parametrize("cn", ["2011", "2021", "2031", "2051", "2061", "2081", "3020"])
def test_data_are_answered_when_they_ask_for_it(cn: str) -> None:
    assert answer_cn(asked(cn, 5)) == "9014"
    assert answer_cn(asked(cn, 4)) is None
    assert answer_cn(asked(cn, None)) is None


@pytest.mark.parametrize("cn", ["9011", "9012", "9013", "9014"])
@pytest.mark.parametrize("flag", range(8))
def test_answers_are_never_answered(cn: str, flag: int) -> None:
    assert answer(asked(cn, flag)) is None


def test_time_is_asked_for_and_serial_numbers_come_without_a_time() -> None:
    assert answer_cn(asked("1013", 5, "PolId=w01018")) == "9013"
    assert answer_cn(asked("1013", 4, "PolId=w01018")) is None
    assert answer_cn(asked("3019", 5, "PolId=w01018;w01018-SN=001")) == "9014"
    assert answer_cn(asked("2011", 5, "")) is None, "the platform's own command to begin with real-time data"


@pytest.mark.parametrize(("flag", "edition"), [(1, 0), (5, 4), (7, 4), (9, 8), (11, 8)])
def test_the_answer(flag: int, edition: int) -> None:
    sent = answer(asked("2011", flag))
    assert sent is not None
    packet = opened(sent)
    assert (packet.qn, packet.st, packet.cn) == ("20260101000000123", "91", "9014")
    assert (packet.pw, packet.mn, packet.flag) == ("654321", "X1", edition)
    assert (packet.fields, packet.factors) == ({}, {})


def test_the_standards_own_answer() -> None:
    """2017, annex C: 9014 with its length and checksum."""
    frame = b"##0087QN=20160801085857223;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&&&3240\r\n"
    assert build_packet(qn="20160801085857223", st="91", cn="9014", mn="010000A8900016F000169DC0") == frame


def test_the_answer_speaks_the_stations_dialect() -> None:
    frame = build_packet(
        qn="20260101000000123", st="39", cn="2011", mn="X1", flag=5, cp="DataTime=1", crc="modbus_le", surplus=6
    )
    sent = answer(opened(frame))
    assert sent is not None
    assert (opened(sent).crc, opened(sent).surplus) == ("modbus_le", 6)


# ------------------------------------------------------------------------------------------------------- streams


def test_split_at_every_byte() -> None:
    stream = b"".join(GOOD[:4])
    for cut in range(len(stream) + 1):
        splitter = Splitter()
        assert splitter.feed(stream[:cut]) + splitter.feed(stream[cut:]) == GOOD[:4]
        assert splitter.junk == 0


def test_byte_by_byte_and_all_at_once() -> None:
    stream = b"".join(GOOD)
    splitter = Splitter()
    assert [frame for byte in stream for frame in splitter.feed(bytes([byte]))] == GOOD
    assert Splitter().feed(stream) == GOOD


@given(st.lists(st.sampled_from(GOOD), max_size=6), st.lists(st.integers(1, 300), max_size=30))
def test_split_and_glued_anyhow(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frames)
    splitter, found = Splitter(), []
    for cut in cuts:
        found += splitter.feed(stream[:cut])
        stream = stream[cut:]
    assert found + splitter.feed(stream) == frames


JUNK = st.sampled_from(
    [b"", b"#", b"\r\n", b"NetAssist V4.3 \xe4\xbd\xa0\xe5\xa5\xbd\r\n", b"###", b"##01", b"##0101\r\n", b"&&1C80\r\n"]
)


@given(st.lists(st.tuples(JUNK, st.sampled_from(GOOD)), min_size=1, max_size=5))
def test_junk_between_packets_costs_none_of_them(stream: list[tuple[bytes, bytes]]) -> None:
    splitter = Splitter()
    found = splitter.feed(b"".join(junk + frame for junk, frame in stream))
    assert found == [frame for _, frame in stream]
    assert splitter.junk == sum(len(junk) for junk, _ in stream)


@pytest.mark.parametrize("frame", GOOD)
def test_a_packet_that_breaks_off_does_not_take_the_next_with_it(frame: bytes) -> None:
    following = GOOD[0]
    for cut in range(12, len(frame) - 2, 7):
        found = Splitter().feed(frame[:cut] + following)
        assert found[-1] == following
        assert b"".join(found) == frame[:cut] + following, "what looked like a packet is handed out, and refused"
        assert all(isinstance(parse(part), Refusal) for part in found[:-1])


@pytest.mark.parametrize("said", [0, 35, 9999])
def test_a_wrong_length_is_handed_out_at_once_and_refused(said: int) -> None:
    frame = b"##%04dST=32;CN=2011;CP=&&a34004-Rtd=2.3;a34002-Rtd=2.3&&0000\r\n" % said
    splitter = Splitter()
    assert splitter.feed(frame) == [frame]
    assert isinstance(parse(frame), Refusal)
    assert splitter.feed(GOOD[0]) == [GOOD[0]]


def test_no_crlf_at_the_end() -> None:
    bare = GOOD[0][:-2]
    splitter = Splitter()
    assert splitter.feed(bare + bare) == [bare]
    assert opened(bare) == opened(GOOD[0])


def test_nothing_that_is_fed_makes_it_keep_much() -> None:
    dice = random.Random(212)
    splitter = Splitter()
    for _ in range(300):
        splitter.feed(dice.choice([b"##9999QN=" + b"x" * 2000, dice.randbytes(3000), b"#" * 1000, b"##9999MN=1"]))
        assert len(splitter._held) <= MAX_BYTES


@pytest.mark.parametrize("form", ["hj212", "modbus"])
def test_a_data_area_of_any_bytes_is_framed_by_its_length(form: CrcForm) -> None:
    """HJ 212-2025 encrypts CP: what looks like an end inside is none when the length says so."""
    data = b"QN=20260101000000123;ST=39;CN=2011;MN=X1;Flag=9;CP=&&\r\n##0101QN=&&ABCD\r\n\x00\xff&&"
    crc = crc_hj212(data) if form == "hj212" else crc_modbus(data)
    frame = b"##%04d%s%04X\r\n" % (len(data), data, crc)
    assert Splitter().feed(frame + GOOD[0]) == [frame, GOOD[0]]
