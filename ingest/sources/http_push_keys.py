"""Who may push: the tokens and signatures of the platforms, and what OneNET encrypts made plain.

- CTWing AEP signs nothing: it calls the URL that it was given, over HTTPS with a certificate of its own where that is
  asked for (help.ctwing.cn, 消息订阅推送). So do Huawei OceanConnect and any plain sender. A token in that URL
  (`?token=`), or as `Authorization: Bearer`, is what is left.
- Huawei IoTDA: headers `timestamp`, `nonce` and `signature` = SHA-256 in hex of token, timestamp and nonce, sorted and
  joined (HTTP/HTTPS 推送基于 Token 认证; `signature_enable`, `token` of http_forwarding). The body is not signed.
- OneNET: `signature` (old: `msg_signature`) = base64 of the MD5 of token, nonce and msg, in the body of a push, and in
  the query of the GET by which an address is verified, which is answered with msg. A plus sign in that query may
  arrive as a blank; PHP receivers leave the padding away. msg of old pushes is an object, signed as its text stands
  in the body. In secure mode msg is AES in CBC mode, PKCS #7, of a key of 16 characters that is the first block, too
  (open.iot.10086.cn, 数据推送; the receivers of cm-heclouds/data-push).
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec import Raw, Struct, json

from ingest.push_settings import PushPath


class Asked(Struct, frozen=True):
    """One request; names of headers in lower case."""

    method: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


def asked(method: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> Asked:
    """Take a request apart; of a name that stands there twice the last one counts."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=20)
    told = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    return Asked(method, dict(pairs), told, body)


class Gate(Struct, frozen=True):
    """What stands before one path.

    path    as configured
    known   whether a request comes from whom it says
    plain   makes its body plain; ValueError: it cannot
    echoes  a GET that is known is answered with its `msg`: OneNET verifies an address so
    """

    path: PushPath
    known: Callable[[Asked], bool]
    plain: Callable[[bytes], bytes]
    echoes: bool


def gate(path: PushPath) -> Gate:
    """Read the secrets of a path. Raises OSError when one cannot be read, ValueError when it is none."""
    known: Callable[[Asked], bool] = _anybody
    if path.token is not None:
        known = _by_token(_word(path.path, path.token.read()))
    elif path.signature is not None:
        signed = _by_onenet if path.envelope == "onenet" else _by_iotda
        known = signed(_word(path.path, path.signature.read()))
    plain = _as_it_is if path.key is None else _by_aes(_word(path.path, path.key.read()))
    return Gate(path, known, plain, path.envelope == "onenet")


def _word(path: str, secret: str) -> bytes:
    """Everybody could send an empty token."""
    if not secret.strip():
        raise ValueError(f"the secret of {path} is empty")
    return secret.strip().encode()


def _anybody(_asked: Asked) -> bool:
    """Let in who has come so far: his certificate was looked at."""
    return True


def _as_it_is(body: bytes) -> bytes:
    return body


def _by_token(token: bytes) -> Callable[[Asked], bool]:
    def known(request: Asked) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = request.query.get("token", "")
        return hmac.compare_digest(given.strip().encode(), token)

    return known


def _by_iotda(token: bytes) -> Callable[[Asked], bool]:
    def known(request: Asked) -> bool:
        parts = [token, *(request.headers.get(name, "").encode() for name in ("timestamp", "nonce"))]
        given = request.headers.get("signature", "").lower().encode()
        return all(parts) and hmac.compare_digest(given, hashlib.sha256(b"".join(sorted(parts))).hexdigest().encode())

    return known


class _Push(Struct):
    msg: Raw
    nonce: str
    signature: str = ""
    msg_signature: str = ""


_push = json.Decoder(_Push).decode


def _by_onenet(token: bytes) -> Callable[[Asked], bool]:
    def known(request: Asked) -> bool:
        if request.method == "GET":
            nonce, signature = request.query.get("nonce", ""), request.query.get("signature", "").replace(" ", "+")
            message = request.query.get("msg", "").encode()
        else:
            try:
                push = _push(request.body)
                message = _text_of(push.msg).encode()
            except (ValueError, RecursionError):
                return False
            nonce, signature = push.nonce, push.signature or push.msg_signature
        made = b64encode(hashlib.md5(token + nonce.encode() + message).digest())  # noqa: S324 - the platform's own choice
        return hmac.compare_digest(signature.rstrip("=").encode(), made.rstrip(b"="))

    return known


def _text_of(message: Raw) -> str:
    """Return what is signed: a text without its quotes, an object as it stands there."""
    raw = bytes(message)
    return json.decode(raw, type=str) if raw.startswith(b'"') else raw.decode()


_AES_KEY: Final = 16


def _by_aes(key: bytes) -> Callable[[bytes], bytes]:
    """Make what puts the plain message in the place of the encrypted one. Raises ValueError for what is no key."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - costs only who uses it

    if len(key) != _AES_KEY:
        raise ValueError(f"a key of OneNET has {_AES_KEY} characters, not {len(key)}")
    cipher = Cipher(algorithms.AES(key), modes.CBC(key))

    def plain(body: bytes) -> bytes:
        push: dict[str, Any] = json.decode(body, type=dict[str, Any])
        secret = b64decode(str(push["msg"]), validate=True)
        decryptor = cipher.decryptor()
        padded = decryptor.update(secret) + decryptor.finalize()
        padding = padded[-1] if padded else 0
        if not 1 <= padding <= _AES_KEY or padded[-padding:] != bytes((padding,)) * padding:
            raise ValueError("it is not encrypted by this key")
        return json.encode(push | {"msg": padded[:-padding].decode()})

    return plain
