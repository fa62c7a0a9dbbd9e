"""One catalogue in two languages: both complete, every text used, every text that is used there."""

import json
import re

from tests.console.conftest import CONSOLE

SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted((CONSOLE / "src").rglob("*.ts*"))}
ZH, EN = (json.loads((CONSOLE / "src" / "i18n" / f"{name}.json").read_text(encoding="utf-8")) for name in ("zh", "en"))
PLACE = re.compile(r"\{(\w+)")


def test_both_languages_have_the_same_texts() -> None:
    assert list(ZH) == list(EN)


def test_no_text_is_empty_and_both_say_the_same_things() -> None:
    assert [key for key in ZH if not ZH[key].strip() or not EN[key].strip()] == []
    assert [key for key in ZH if set(PLACE.findall(ZH[key])) != set(PLACE.findall(EN[key]))] == []


def test_no_text_is_in_the_other_language() -> None:
    """But each calls the other language by its own name."""
    chinese, latin = re.compile(r"[一-鿿]"), re.compile(r"[A-Za-z]{4}")
    assert [key for key in EN if key != "language" and chinese.search(EN[key])] == []
    plain = {key: re.sub(r"\{[^}]*\}", "", text) for key, text in ZH.items()}
    assert [
        key for key in plain if key != "language" and latin.search(plain[key]) and not chinese.search(plain[key])
    ] == []


def test_an_alarm_is_never_called_a_public_warning() -> None:
    """预警 is a word of the law on public warnings (突发事件应对法): no device may use it."""
    assert [key for key in ZH if "预警" in ZH[key]] == []


def test_every_text_is_used() -> None:
    """By its own name, or by a name that is put together: `state.${…}`."""
    text = "\n".join(SOURCES.values())
    whole = set(re.findall(r"""["'`]([\w.-]+)["'`]""", text))
    together = re.findall(r"`([\w.-]*\$\{[^`}]*\}[\w.-]*)`", text)
    patterns = [re.compile(re.sub(r"\$\{[^}]*\}", r"[\\w-]+", one.replace(".", r"\."))) for one in together]
    patterns = [one for one in patterns if one.pattern != r"[\w-]+"]
    assert [key for key in ZH if key not in whole and not any(one.fullmatch(key) for one in patterns)] == []


def test_the_duty_desk_has_its_words_at_once() -> None:
    """What build.mjs leaves to the other screens is used by them alone."""
    build = (CONSOLE / "build.mjs").read_text(encoding="utf-8")
    left = set(re.findall(r'"(\w+)"', build[build.index("OF_SCREENS = new Set") : build.index("]);")]))
    assert left <= {key.partition(".")[0] for key in ZH}
    mine = [text for path, text in SOURCES.items() if "screens" not in path.parts]
    used = {key for text in mine for key in re.findall(r"""[^\w]t\(\s*["'`]([\w.-]+)""", text)}
    assert {key for key in used if key.partition(".")[0] in left} == set()
