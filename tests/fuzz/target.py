"""Coverage-guided fuzzing of one model or envelope, for hours: `tests/fuzz/run`. CI has test_mutations instead.

Of an input for a model the first byte chooses port and options among those of its captures, the rest is the frame; what
a platform would send as values is JSON. Any exception ends the run and leaves the input in .fuzz/.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris
import msgspec

with atheris.instrument_imports(include=["devices"]):
    from devices import catalogue
    from devices.envelopes import Envelope, Uplink
    from devices.models import Model
    from devices.readings import Facts, Refusal

from bench.messages import MESSAGES, message
from tests.devices.captures import captures
from tests.devices.test_mutations import good_checksum, sound

CORPUS = Path(__file__).resolve().parents[2] / ".fuzz"
Target = tuple[Callable[[bytes], None], list[bytes]]
"""What reads an input, and inputs to begin with."""


def of_model(model: Model) -> Target:
    """Frames, as they are and with a good checksum; values, where the model reads them."""
    own = [capture for capture in captures() if capture.model is model]
    kinds: list[tuple[int | None, Any]] = []
    for capture in own:
        if (capture.port, capture.options) not in kinds:
            kinds.append((capture.port, capture.options))

    def read(data: bytes) -> None:
        if not data:
            return
        port, options = kinds[data[0] % len(kinds)]
        sound(model, model.decode(data[1:], port, options))
        sound(model, model.decode(good_checksum(model.id, data[1:]), port, options))
        if model.read is not None and (values := _values(data[1:])) is not None:
            sound(model, model.read(values, port, options))

    return read, [bytes([kinds.index((c.port, c.options))]) + c.payload for c in own]


def _values(data: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (ValueError, RecursionError):
        return None


def of_envelope(envelope: Envelope) -> Target:
    """Messages of one platform."""
    topic, usual = message(envelope.id, bytes(17))

    def read(data: bytes) -> None:
        opened = envelope.open(topic, data)
        assert isinstance(opened, Uplink | Facts | Refusal), opened

    return read, [usual]


def main() -> None:
    """Fuzz what the first argument names; the others are libFuzzer's."""
    name, *arguments = sys.argv[1:]
    if name in MESSAGES and name not in catalogue.MODELS:
        read, seeds = of_envelope(catalogue.envelope(name))
    else:
        read, seeds = of_model(catalogue.model(name))
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], str(folder), f"-artifact_prefix={folder}-", "-max_len=2048", *arguments], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
