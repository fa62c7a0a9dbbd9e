"""What an engineer may set about feeds to other systems (`feeds:` of cityward.yaml)."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError as Wrong

from store.settings import NOT_EMPTY, AbsolutePath, Endpoint, HttpUrl, MqttUrl, Name, Secret, Settings, broker_of


def _root(text: str) -> str:
    """MQTT 5.0 §4.7: a topic that is published to has no wildcards; those that begin with `$` are the broker's own."""
    if re.fullmatch(r"[^/+#$\0][^+#\0]{0,199}", text) is None or text.endswith("/") or "//" in text:
        raise Wrong("feed_root", "{value}", {"value": text})
    return text


class CommandKey(Settings):
    """Another system that may send commands: it signs them with a secret that it shares with the gateway.

    key   what it calls itself in its commands, and what the audit trail calls it
    role  what it may: operator acknowledges, resets, comments, shelves; engineer also takes out of service
    """

    key: Name
    secret: Secret
    role: Literal["operator", "engineer"] = "operator"


class MqttFeedSettings(Settings):
    """Alarms to one broker.

    root      first levels of all topics; None = `cityward/GATEWAY`
    protocol  5, or 3.1.1 for brokers that know no better
    ca_file   PEM of the authority that signed the broker's certificate; None = the system's
    commands  who may send commands; nobody unless it is written
    """

    name: Name
    url: MqttUrl
    username: str | None = None
    password: Secret | None = None
    protocol: Literal["5", "3.1.1"] = "5"
    ca_file: AbsolutePath | None = None
    root: Annotated[str, AfterValidator(_root)] | None = None
    commands: tuple[CommandKey, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> "MqttFeedSettings":
        if self.ca_file is not None and not self.tls:
            guess = self.url.replace("mqtt://", "mqtts://", 1)
            raise Wrong("ca_without_tls", "ca_file", {"at": "url", "guess": guess})
        if self.password is not None and self.username is None:
            raise Wrong("password_without_username", "username", {"at": "password"})
        keys = [each.key for each in self.commands]
        for key in keys:
            if keys.count(key) > 1:
                raise Wrong("feed_key_twice", "{value}", {"at": "commands", "value": key})
        return self

    @property
    def tls(self) -> bool:
        """Whether the link is encrypted."""
        return self.url.startswith("mqtts://")

    @property
    def broker(self) -> Endpoint:
        """Host and port."""
        return broker_of(self.url)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Priority = Annotated[int, BeforeValidator(_whole, json_schema_input_type=int), Field(ge=1, le=4)]


class WebhookSettings(Settings):
    """Events to one receiver, one POST each, in order.

    secret      signs what is sent; see docs/feeds.md
    token       sent as `Authorization: Bearer TOKEN`
    priorities, families, sites  only events of such alarms; None = all
    ca_file     PEM of the authority that signed the receiver's certificate; None = the system's
    """

    name: Name
    url: HttpUrl
    secret: Secret
    token: Secret | None = None
    ca_file: AbsolutePath | None = None
    priorities: Annotated[tuple[Priority, ...], NOT_EMPTY] | None = None
    families: Annotated[tuple[str, ...], NOT_EMPTY] | None = None
    sites: Annotated[tuple[str, ...], NOT_EMPTY] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "WebhookSettings":
        if self.ca_file is not None and not self.url.startswith("https://"):
            guess = self.url.replace("http://", "https://", 1)
            raise Wrong("ca_without_tls", "ca_file", {"at": "url", "guess": guess})
        return self


class FeedsSettings(Settings):
    """Feeds to other systems; there are none unless they are written."""

    mqtt: tuple[MqttFeedSettings, ...] = ()
    webhooks: tuple[WebhookSettings, ...] = ()

    @model_validator(mode="after")
    def _names(self) -> "FeedsSettings":
        for at, names in (("mqtt", [f.name for f in self.mqtt]), ("webhooks", [f.name for f in self.webhooks])):
            others = [f.name for f in self.mqtt] if at == "webhooks" else []
            for index, name in enumerate(names):
                if name in names[:index] + others:
                    raise Wrong("feed_twice", "{value}", {"at": at, "value": name})
        return self
