"""A start with the files of yesterday, with others, with wrong ones; and what a child says of a directory."""

import json
import os
import shutil
from pathlib import Path

import pytest

from config import accepted, apart, blob
from config.accepted import Start
from config.check import load
from config.compiled import Compiled
from store.book import Book
from store.fs import OsFs


@pytest.fixture
def directory(root: Path, tmp_path: Path) -> Path:
    """Copy the example; its state directory is ours."""
    shutil.copytree(root / "deploy" / "example", tmp_path / "etc")
    replace(tmp_path / "etc" / "cityward.yaml", "/var/lib/cityward ", f"{tmp_path / 'state'} ")
    return tmp_path / "etc"


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def run_once(directory: Path) -> Compiled:
    """Do what the daemon does with a configuration at its start."""
    compiled, problems = Start(directory).result()
    assert compiled is not None
    assert problems == []
    state = compiled.settings.state
    OsFs().make_dir(state)
    book = Book(state / "book.sqlite")
    before = book.accepted()
    if before is None or before[0] != compiled.hash:
        book.accept(compiled.hash, blob.encode(compiled.registry, compiled.ruleset))
    book.close()
    accepted.keep(OsFs(), state, compiled)
    return compiled


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(_: Path) -> None:
        pytest.fail("it compiles")

    monkeypatch.setattr(apart, "begin", begin)


def test_a_child_finds_what_check_finds(directory: Path) -> None:
    first = run_once(directory)
    here = load(directory).compiled
    assert here is not None
    assert (first.settings, first.registry, first.ruleset, first.hash) == (
        here.settings, here.registry, here.ruleset, here.hash,
    )  # fmt: skip


def test_the_files_of_yesterday_are_not_compiled(directory: Path, request: pytest.FixtureRequest) -> None:
    first = run_once(directory)
    os.utime(directory / "cityward.yaml", (1, 1))  # only the content counts
    request.getfixturevalue("no_child")
    assert run_once(directory) == first


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("cityward.yaml", "id: ", "id: b-"),
        ("devices.d/gulou.yaml", "interval: 6 h", "interval: 5 h"),
        ("rules.d/dust.yaml", "priority: 3", "priority: 2"),
    ],
)
def test_other_files_are(directory: Path, file: str, old: str, new: str) -> None:
    first = run_once(directory)
    replace(directory / file, old, new)
    assert run_once(directory).hash != first.hash


def test_a_new_file_and_a_new_program_are_noticed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = apart.fingerprint(directory)
    (directory / "rules.d" / "more.yaml").write_text("rules: []\n")
    with_file = apart.fingerprint(directory)
    monkeypatch.setattr(apart, "_program", lambda: b"next")
    assert len({before, with_file, apart.fingerprint(directory)}) == 3


def test_a_state_directory_that_has_moved(directory: Path, tmp_path: Path) -> None:
    first = run_once(directory)
    shutil.copytree(first.settings.state, tmp_path / "other")
    main = directory / "cityward.yaml"
    replace(main, f"state: {tmp_path / 'state'} ", f"state: {tmp_path / 'other'} ")
    found, problems = Start(directory).result()
    assert found is not None
    assert problems == []
    assert found.settings.state == tmp_path / "other"


def test_wrong_files_change_nothing(directory: Path) -> None:
    first = run_once(directory)
    replace(directory / "rules.d" / "dust.yaml", "priority: 3", "priority: 9")
    found, problems = Start(directory).result()
    assert found is not None
    assert (found.registry, found.ruleset, found.hash) == (first.registry, first.ruleset, first.hash)
    assert found.fingerprint == ""
    assert all("rules.d/dust.yaml:" in problem for problem in problems)
    assert problems


def test_wrong_settings_stay_those_that_were_accepted(directory: Path) -> None:
    first = run_once(directory)
    replace(directory / "cityward.yaml", "http:", "htpt:")
    for _ in range(2):  # also the second start finds them
        found, problems = Start(directory).result()
        assert found is not None
        assert found.settings == first.settings
        assert "cityward.yaml:" in problems[0]
        accepted.keep(OsFs(), found.settings.state, found)


@pytest.mark.parametrize("old", ["accepted", "moved"])
def test_what_is_refused_is_in_force_in_no_part(directory: Path, old: str, tmp_path: Path) -> None:
    """Each part of cityward.yaml is right, but a route names a channel that there is not; and another name is new."""
    first = run_once(directory)
    main = directory / "cityward.yaml"
    with main.open("a") as file:
        file.write(
            "\nconsole: {name: 别的}\nnotify:\n"
            "  channels: [{name: hook, kind: webhook, url: http://127.0.0.1:1/, secret: {credential: x}}]\n"
            "  routes: [{name: all, channel: hok}]\n"
        )
    if old == "moved":  # then nothing else is known
        shutil.copytree(first.settings.state, tmp_path / "other")
        replace(main, f"state: {tmp_path / 'state'} ", f"state: {tmp_path / 'other'} ")
    found, problems = Start(directory).result()
    assert found is not None
    assert "There is no channel `hok`" in problems[0]
    if old == "accepted":
        assert found.settings == first.settings
    else:
        assert found.settings.state == tmp_path / "other"
    assert found.hash == first.hash


def test_nothing_was_ever_accepted(directory: Path) -> None:
    replace(directory / "cityward.yaml", "http:", "htpt:")
    found, problems = Start(directory).result()
    assert found is None
    assert "cityward.yaml:" in problems[0]


def test_a_child_that_dies_is_told(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_COMPILE", "import os; os.kill(os.getpid(), 9)")
    found = apart.finish(apart.begin(directory))
    assert not found.blob
    assert "(-9)" in found.errors[0].en
    assert "（-9）" in found.errors[0].zh


def test_a_reload_gives_way(directory: Path) -> None:
    assert apart.finish(apart.begin(directory, gently=True)).blob


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("state: /var/lib/x", "/var/lib/x"),
        ("state: /var/lib/x  # why", "/var/lib/x"),
        ('state: "/var/lib/a b"', "/var/lib/a b"),
        ("state: ${HOME}", None),
        ("estate: /var/lib/x", None),
        ("  state: /var/lib/x", None),
    ],
)
def test_the_state_directory_at_first_sight(tmp_path: Path, line: str, state: str | None) -> None:
    (tmp_path / "cityward.yaml").write_text(f"gateway: {{id: a}}\n{line}\nhttp: {{}}\n")
    assert apart.state_at_first_sight(tmp_path) == (None if state is None else Path(state))


def test_ten_thousand_devices_are_read_again_in_three_seconds(directory: Path) -> None:
    model = {"model": "dingtek-dc41x", "interval": "6 h", "site": "工地"}
    devices = [{"id": f"d-{n}", "address": f"eui:{n:016x}", **model} for n in range(10_000)]
    (directory / "devices.d" / "many.yaml").write_text(json.dumps({"devices": devices}, ensure_ascii=False))
    began = sum(os.times()[:4])  # of us and of the child: what others on this machine do is not counted
    found = apart.finish(apart.begin(directory, gently=True))
    compiled = accepted.compiled_of(found)
    assert sum(os.times()[:4]) - began < 3
    assert len(compiled.registry.devices) == 10_008
    sites = {id(device.site) for device in compiled.registry.devices if device.site == "工地"}
    assert len(sites) == 1, "what many have alike is there once"


def test_another_version_of_a_pack_is_compiled_again(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update of Cityward may bring other numbers and no other code."""
    program = tmp_path / "program"
    for name in ("rules/packs/who-2021.yaml", "rules/fold.py", "feed/settings.py", "ingest/settings.py"):
        (program / name).parent.mkdir(parents=True, exist_ok=True)
        (program / name).write_text("a: 1\n")
    monkeypatch.setattr(apart, "_ROOT", program)
    before = apart.fingerprint(directory)
    assert before == apart.fingerprint(directory) != ""
    (program / "rules/packs/who-2021.yaml").write_text("a: 10\n")
    assert apart.fingerprint(directory) != before


def test_a_pack_that_is_used_as_it_is_starts_today_and_tomorrow(
    directory: Path, request: pytest.FixtureRequest
) -> None:
    """What was accepted is kept as JSON, where a truth is no text."""
    with (directory / "cityward.yaml").open("a") as file:
        file.write("\nstandards: [{pack: db31-964-2016, accept_unverified: true}]\n")
    first = run_once(directory)
    assert first.settings.standards[0].accept_unverified is True
    request.getfixturevalue("no_child")
    assert run_once(directory) == first
