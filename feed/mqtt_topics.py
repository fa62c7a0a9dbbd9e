"""Topics of the MQTT feed: `{root}/v1/…`.

A level of a topic cannot hold `/`, `+`, `#` (MQTT 5.0 §4.7.1), NUL or control characters (§1.5.4); ids can. They, and
`%`, are percent-encoded, everything else stands there as it is: `云龙湖二期`, `cover-tilted@mh-0114%2Ftilt_deg`.
"""

from urllib.parse import unquote

NO_SITE = "_"
_NOT_IN_A_LEVEL = {ord(sign): f"%{ord(sign):02X}" for sign in "/+#%"}
_NOT_IN_A_LEVEL |= {code: f"%{code:02X}" for code in (*range(0x20), 0x7F)}
_NOT_IN_A_LEVEL |= {code: "".join(f"%{byte:02X}" for byte in chr(code).encode()) for code in range(0x80, 0xA0)}


def level(text: str) -> str:
    """Write a text as one level of a topic."""
    return text.translate(_NOT_IN_A_LEVEL)


def text_of(one_level: str) -> str:
    """Read the text back."""
    return unquote(one_level, errors="strict")


class Topics:
    """The topics under one root."""

    def __init__(self, root: str) -> None:
        self._base = f"{root}/v1"
        self.events = f"{self._base}/alarm/events"
        self.commands = f"{self._base}/alarm/cmd"
        self.replies = f"{self._base}/alarm/cmd/reply"
        self.status = f"{self._base}/status"

    def state(self, site: str | None, alarm: str) -> str:
        """Where the state of an alarm stands; an alarm without a site under `_`, a site called so as `%5F`."""
        place = NO_SITE if not site else "%5F" if site == NO_SITE else level(site)
        return f"{self._base}/alarm/{place}/{level(alarm)}/state"
