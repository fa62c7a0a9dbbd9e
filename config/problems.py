"""What is wrong in a configuration, where, and in which words.

A problem is found as a code with its parameters; `config.texts` has the sentence of every code in Chinese and English.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Literal

from msgspec import Struct

from config.texts import MEANT, TEXTS

Language = Literal["zh", "en"]


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    file          path as the user will find it
    line, column  both counted from 1, in characters
    code          key of `config.texts.TEXTS`
    parameters    what stands in the sentence's braces; `guess` adds what was probably meant
    warning       True: worth a look, but it can be meant so
    """

    file: str
    line: int
    column: int
    code: str
    parameters: dict[str, Any]
    warning: bool = False

    def sentence(self, language: Language) -> str:
        """Say what is wrong and what to write instead."""
        index = ("zh", "en").index(language)
        guess = self.parameters.get("guess", "")
        template = TEXTS[self.code][index]
        meant = MEANT[index].format(guess=guess) if guess and "{guess}" not in template else ""
        return template.format(**self.parameters) + meant

    def text(self, language: Language) -> str:
        """Return `file:line:column: sentence`, the form that editors jump to."""
        kind = ("警告：", "warning: ")[language == "en"] if self.warning else ""
        return f"{self.file}:{self.line}:{self.column}: {kind}{self.sentence(language)}"


LISTED = 20


def listed(known: Iterable[str]) -> str:
    """Name what there is, for a sentence: not more than can be read."""
    names = list(known)
    return ", ".join(names[:LISTED]) + (", …" if len(names) > LISTED else "") or "-"


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant, or ""."""
    lower = {name.lower(): name for name in known}
    longer = [name for name in lower if name.startswith(f"{word.lower()}_")]
    if longer:
        return lower[min(longer, key=len)]
    found = get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return lower[found[0]] if found else ""
