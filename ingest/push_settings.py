"""What an engineer may set about platforms that push over HTTP (`sources: http:` of cityward.yaml)."""

from typing import Annotated, Final

from pydantic import model_validator
from pydantic_core import PydanticCustomError as Wrong

from store.settings import NOT_EMPTY, AbsolutePath, Endpoint, Listen, Name, Secret, Settings, endpoint, matches

SIGNING: Final = ("onenet", "huawei-iotda")
"""Envelopes of platforms that sign what they push."""


class PushPath(Settings):
    """What one platform calls, and how it is known.

    path       of the URL: `/ctwing`
    envelope   id of an envelope in the catalogue
    address    with `plain`: which member of the JSON is the device's address, `field imei`
    token      the platform sends it: `Authorization: Bearer TOKEN`, or in the URL that it was given, `?token=TOKEN`
    signature  the token of which the platform computes its signature, as its console has it (OneNET, Huawei IoTDA)
    key        OneNET's secure mode: its AES key of 16 characters
    """

    path: Annotated[str, matches(r"(/[A-Za-z0-9._~-]+)+", "push_path")]
    envelope: str
    address: Annotated[str, matches(r"field [^\s]+", "push_address")] | None = None
    token: Secret | None = None
    signature: Secret | None = None
    key: Secret | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "PushPath":
        if self.token is not None and self.signature is not None:
            raise Wrong("at_most_one", "one", {"at": "signature", "names": "token, signature"})
        if self.signature is not None and self.envelope not in SIGNING:
            context = {"at": "signature", "value": self.envelope, "known": ", ".join(SIGNING)}
            raise Wrong("push_signature", "{value}", context)
        if self.key is not None and (self.signature is None or self.envelope != "onenet"):
            raise Wrong("push_key", "key", {"at": "key"})
        if self.envelope == "plain" and self.address is None:
            raise Wrong("push_address", "{value}", {"at": "envelope", "value": "plain"})
        return self


class PushTls(Settings):
    """TLS of our own, where no proxy in front does it.

    certificate  PEM, with what stands between it and its authority
    key          of the certificate, PEM without a password
    client_ca    PEM of the authority of the platform's own certificate, as CTWing gives it out: who has none is not
                 let in, and needs no token
    """

    certificate: AbsolutePath
    key: Secret
    client_ca: AbsolutePath | None = None


class HttpPushSettings(Settings):
    """One port that platforms push to. There is none unless it is written here."""

    name: Name
    listen: Listen
    tls: PushTls | None = None
    paths: Annotated[tuple[PushPath, ...], NOT_EMPTY]

    @model_validator(mode="after")
    def _nobody_else(self) -> "HttpPushSettings":
        known = self.tls is not None and self.tls.client_ca is not None
        paths = [each.path for each in self.paths]
        for path in self.paths:
            if path.token is None and path.signature is None and not known:
                raise Wrong("push_open", "{value}", {"at": "paths", "value": path.path})
            if paths.count(path.path) > 1:
                raise Wrong("push_path_twice", "{value}", {"at": "paths", "value": path.path})
        return self

    @property
    def endpoint(self) -> Endpoint:
        """Where to listen."""
        return endpoint(self.listen)
