"""A proof holds as many frames as it may; of the rest it can be shown that they were what they were."""

import random
import sqlite3
import zlib
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from store.book import Book
from store.proofs import PACKED_BYTES, KeptFrame, Packer, Proof, ProofReader, Said


def frames(count: int, size: int, seed: int = 1) -> list[KeptFrame]:
    dice = random.Random(seed)
    return [
        KeptFrame(n, n * 60_000, "lora", b"air/1", dice.randbytes(size), "reading", [Said(n, 1.5)])
        for n in range(1, count + 1)
    ]


def packed(given: list[KeptFrame]) -> tuple[Packer, Proof]:
    packer = Packer()
    for frame in given:
        packer.add(frame, sha256)
    proof = Proof(
        number=1, alarm="a@b", occurrence=1, kind="raised", made_ms=0, offset_ms=0, gateway="g", time_zone="UTC",
        config="", version=1, rule={}, rule_hash="", packed=packer.packed(), digests=packer.digests(),
    )  # fmt: skip
    return packer, proof


@pytest.mark.parametrize(("count", "size"), [(0, 10), (1, 10), (1440, 60), (1440, 300), (20_000, 40), (3, 200_000)])
def test_it_keeps_what_it_may_and_counts_the_rest(count: int, size: int) -> None:
    given = frames(count, size)
    packer, proof = packed(given)
    assert len(proof.packed) <= PACKED_BYTES
    kept = proof.unpacked()
    assert kept == given[: len(kept)]
    assert (packer.frames, packer.kept) == (count, len(kept))
    assert sum(digest.count for digest in proof.digests) == count - len(kept)
    if count:
        assert (packer.first, packer.last) == (1, count)
        assert kept  # or the room would be wasted


def test_who_has_the_frames_can_show_that_they_are_those() -> None:
    given = frames(2000, 400)
    _, proof = packed(given)
    for digest in proof.digests:
        of = b"".join(frame.payload for frame in given if digest.first <= frame.sequence <= digest.last)
        assert sha256(of).hexdigest() == digest.sha256


def test_alike_frames_cost_little() -> None:
    given = [
        KeptFrame(n, n, "sites", b"mn", b"##0244QN=20261121234500000;ST=39;CN=2011;" * 6, "", []) for n in range(1440)
    ]
    packer, proof = packed(given)
    assert packer.kept == 1440
    assert len(proof.packed) < 30_000
    assert len(zlib.decompress(proof.packed)) > 300_000


def test_what_was_told_before_there_were_proofs_has_none(tmp_path: Path) -> None:
    """A book of an earlier version: nobody tries to prove two years of events that the journal has long forgotten."""
    path = tmp_path / "book.sqlite"
    Book(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("delete from facts where name = 'proven_to'")
        db.execute("insert or replace into facts values ('last_event', 5000)")
    Book(path).close()
    with ProofReader(path) as book:
        assert book.proven_to() == 5000
