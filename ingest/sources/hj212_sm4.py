"""Data areas of HJ 212-2025 that are encrypted: made plain at the door, before they are kept.

The journal holds what a replay must read, and keys change every 90 days: so nothing encrypted is kept where the key is
known, and the fold needs no keys (docs/decisions/0011-sm4-at-the-door.md).

SM4-ECB over the characters between `CP=&&` and `&&` and the checksum, whole blocks of 16 only: what is left over stays
plain. The checksum is of the plain text, the length of what goes over the wire. Whether the bytes are sent as they are
or printed as `{0xE4,0x3E,...}` is disputed between implementations: both are read.
Source: three public implementations of HJ 212-2025 (reference: standards, 1.7); GB/T 32907 for SM4.
"""

import re
from collections.abc import Callable
from typing import Final

from devices.hj212 import Packet, parse

Decrypt = Callable[[bytes], bytes]
"""Makes whole blocks plain."""

_BLOCK: Final = 16
_HEX_DIGITS: Final = 32
_AREA: Final = re.compile(rb"##(\d{2,4})(.*?CP=&&)(.*)(&&)([0-9A-Fa-f]{4})(\r\n|\r|\n|)\Z", re.DOTALL | re.IGNORECASE)
_PRINTED: Final = re.compile(rb"\{\s*(0x[0-9A-Fa-f]{1,2}(?:\s*,\s*0x[0-9A-Fa-f]{1,2})*)\s*\}")


def sm4(key: str) -> Decrypt:
    """Make what decrypts by a key of 32 hexadecimal digits. Raises ValueError when it is none."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - costs only who uses it

    if len(key) != _HEX_DIGITS:
        raise ValueError(f"a key of SM4 has {_HEX_DIGITS} hexadecimal digits, not {len(key)}")
    cipher = Cipher(algorithms.SM4(bytes.fromhex(key)), modes.ECB())  # noqa: S305 - the standard's own mode

    def decrypt(blocks: bytes) -> bytes:
        decryptor = cipher.decryptor()
        return decryptor.update(blocks) + decryptor.finalize()

    return decrypt


def made_plain(frame: bytes, decrypt: Decrypt) -> bytes | None:
    """Return a packet with its data area in plain text, and its length; None = it is not encrypted by this key."""
    whole = _AREA.match(frame)
    if whole is None:
        return None
    _, head, area, end, checksum, tail = whole.groups()
    printed = _PRINTED.sub(lambda found: bytes(int(number, 16) for number in found[1].split(b",")), area)
    for cipher in dict.fromkeys((printed, area)):
        blocks = len(cipher) // _BLOCK * _BLOCK
        if not blocks:
            continue
        data = head + decrypt(cipher[:blocks]) + cipher[blocks:] + end
        plain = b"##%04d%s%s%s" % (len(data), data, checksum, tail)
        if isinstance(parse(plain), Packet):
            return plain
    return None
