"""An explanation for a terminal."""

from feed.explain import Explanation
from feed.explain_sections import Language, sections


def text_of(found: Explanation, language: Language) -> str:
    """Write an explanation for a terminal; long tables are left to the page."""
    out: list[str] = []
    for part in sections(found, language):
        out += [f"== {part.title}", *part.lines]
        if part.folded:
            out.append("…" if language == "en" else "（见 --format html 或 json）")
        elif part.rows:
            table = [part.head, *part.rows] if part.head else part.rows
            out += ["  " + " | ".join(row) for row in table]
        out.append("")
    return "\n".join(out)
