"""In which language a command speaks."""

import os

import click

from config.problems import Language

language_option = click.option(
    "--lang", "language", type=click.Choice(["zh", "en"]), help="Language of the messages; else that of the system."
)


def language_of_system() -> Language:
    """Chinese when the system speaks it, else English."""
    spoken = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "zh" if spoken.lower().startswith("zh") else "en"


def visible(text: str) -> str:
    """Make a stranger's text harmless to a terminal: what is no visible character stands there as its code."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


class Words:
    """Says a sentence in one of the two languages: `words("没有", "none")`."""

    def __init__(self, language: Language | None) -> None:
        self.language = language or language_of_system()

    def __call__(self, zh: str, en: str) -> str:
        """Return the one that is wanted."""
        return zh if self.language == "zh" else en
