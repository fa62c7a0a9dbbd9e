"""Text that a chat shows as it is: names come from people, and a chat would read them as marks or mentions."""

_MARKS = str.maketrans(
    {"*": "＊", "_": "＿", "[": "［", "]": "］", "<": "＜", ">": "＞", "#": "＃", "`": "｀", "@": "＠", "\\": "＼"}
)


def plain(text: str) -> str:
    """Put full-width characters in the place of those that mean something in Markdown; links stay whole."""
    return " ".join(
        word if word.startswith(("http://", "https://")) else word.translate(_MARKS) for word in text.split(" ")
    )
