"""Readings without a counter that came before: keys of time and content, the last 128 of each device."""

from array import array

from devices.tracks import Track

REMEMBERED = 128


class Met:
    """One ring for each device, all in one array. A device has one from its first reading that needs it.

    keys  64 bits each; `Track.key_at` is where the device's next one goes, -1 = it has no ring
    """

    def __init__(self) -> None:
        self.keys = array("Q")

    def begin(self, track: Track) -> int:
        """Give a device its ring; return where its first key goes."""
        track.key_at = len(self.keys)
        self.keys.frombytes(bytes(8 * REMEMBERED))
        return track.key_at

    def met(self, track: Track, key: int) -> bool:
        """Tell whether a key is among the device's last; remember it."""
        at = track.key_at if track.key_at >= 0 else self.begin(track)
        first = at - at % REMEMBERED
        if key in self.keys[first : first + REMEMBERED]:
            return True
        self.keys[at] = key
        track.key_at = at + 1 if (at + 1) % REMEMBERED else first
        return False

    def take_over(self, track: Track, other: "Met", old: Track) -> None:
        """Remember of a device what another remembers of it."""
        if old.key_at < 0:
            track.key_at = -1
            return
        first = track.key_at - track.key_at % REMEMBERED if track.key_at >= 0 else self.begin(track)
        there = old.key_at - old.key_at % REMEMBERED
        self.keys[first : first + REMEMBERED] = other.keys[there : there + REMEMBERED]
        track.key_at = first + old.key_at - there

    def restore(self, content: bytes) -> None:
        """Put the keys of a snapshot back."""
        self.keys = array("Q")
        self.keys.frombytes(content)
