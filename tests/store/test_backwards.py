"""Who reads the journal from its end finds what stands in it, the other way round."""

import random
from pathlib import Path

from rules.records import Record
from store.backwards import backwards
from store.fs import OsFs
from store.journal import Journal, read
from tests.store.test_journal import SMALL, put, some_group


def test_it_is_the_journal_the_other_way_round(tmp_path: Path) -> None:
    dice = random.Random(8)
    journal = Journal(OsFs(), tmp_path / "journal", 1 << 20, segment_bytes=SMALL)
    kept: list[tuple[int, Record]] = []
    for at_ms in range(400):
        kept += put(journal, dice, some_group(dice, at_ms))
        journal.commit()
    assert len(list((tmp_path / "journal").glob("*.seg"))) > 3
    found = list(backwards(OsFs(), tmp_path / "journal"))  # beside the writer
    journal.close()
    assert found == list(reversed(kept)) == list(reversed(list(read(OsFs(), tmp_path / "journal"))))


def test_nothing_is_there(tmp_path: Path) -> None:
    assert list(backwards(OsFs(), tmp_path)) == []
