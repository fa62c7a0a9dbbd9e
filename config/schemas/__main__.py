"""Writes the schemas again."""

from config.schemas import schemas

for path, text in schemas().items():
    path.write_text(text, encoding="utf-8")
