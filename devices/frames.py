"""What a source delivers, before anybody has looked inside.

A frame is a plain tuple, not an object: at 10,000 messages a second an object for each costs more than all
decisions about it (docs/how-it-works.md, "Fast by shape").
"""

from msgspec import Struct

Frame = tuple[bytes, bytes, bytes]
"""place, payload, note.

place    where in its source the frame came from: MQTT topic, HJ 212 MN, `gate/3` of a serial line
payload  the bytes as they came (Modbus: request and response, one after the other)
note     what the transport said besides: letters, see NOTE_*; empty for nearly every frame
"""

NOTE_RETAINED = b"R"  # MQTT RETAIN: what the broker remembered; no sign of life
NOTE_REPEATED = b"D"  # MQTT DUP: perhaps delivered before


class Batch(Struct, tag="batch", gc=False):
    """The frames of one receive of one source.

    source  name of the source
    at_ms   log time, ms; set by the pipeline: the greater of the last log time and the arrival
    frames  consecutive sequence numbers, one each
    """

    source: str
    at_ms: int
    frames: list[Frame]
