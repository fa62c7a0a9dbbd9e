"""What an engineer may set about telling people (`notify:` of cityward.yaml)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError as Wrong

from feed.console_settings import Clock
from store.settings import (
    NAME,
    NOT_EMPTY,
    AbsolutePath,
    Duration,
    Endpoint,
    HttpUrl,
    Listen,
    Secret,
    Settings,
    endpoint,
    matches,
)

Language = Literal["zh", "en"]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Word = Annotated[str, matches(NAME, "notify_name")]
"""What channels and routes are called: it stands in addresses of the API and in alarm ids."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
Email = Annotated[str, matches(rf"(?=.{{1,254}}$){_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*", "email")]
"""A Dot-string and a domain of RFC 5321, 4.1.2: what else it allows, no mail could be written to."""
Mobile = Annotated[str, matches(r"1[3-9][0-9]{9}|\+[1-9][0-9]{6,14}", "mobile")]
"""Of the mainland (11 digits), or with the country's code (E.164)."""
PerMinute = Annotated[int, Field(ge=1, le=1000)]


class PersonSettings(Settings):
    """Somebody who is told.

    feishu    the open_id (`ou_…`) or user_id by which Feishu mentions him; it cannot by mobile
    language  of what he is sent himself, by mail or SMS; None = the channel's
    """

    name: Words
    mobile: Mobile | None = None
    email: Email | None = None
    feishu: Words | None = None
    language: Language | None = None


class ChannelSettings(Settings):
    """What all channels have in common.

    language    of its messages
    people      who is mentioned, or written to, where a route names nobody
    fallback    the channel that takes over what this one cannot deliver
    per_minute  at most so many messages in any minute; None = as many as the receiver takes (`LIMITS` of its sender)
    ca_file     PEM of the authority of a private deployment; None = the system's
    """

    name: Word
    language: Language = "zh"
    people: tuple[str, ...] = ()
    fallback: str | None = None
    per_minute: PerMinute | None = None
    ca_file: AbsolutePath | None = None


class DingTalkSettings(ChannelSettings):
    """A custom robot of a DingTalk group, signed (加签).

    url     of a private deployment (专有钉钉)
    token   the access_token of its webhook; secret: SEC…
    """

    kind: Literal["dingtalk"]
    url: HttpUrl = "https://oapi.dingtalk.com/robot/send"
    token: Secret
    secret: Secret


class WeComSettings(ChannelSettings):
    """A robot of a WeCom group. key: of its webhook; url: of a private deployment (政务微信)."""

    kind: Literal["wecom"]
    url: HttpUrl = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
    key: Secret


class FeishuSettings(ChannelSettings):
    """A custom robot of a Feishu group, signed (签名校验). hook: what stands behind /hook/ in its webhook."""

    kind: Literal["feishu"]
    url: HttpUrl = "https://open.feishu.cn/open-apis/bot/v2/hook"
    hook: Secret
    secret: Secret


class MailSettings(ChannelSettings):
    """A mail server. security: TLS from the beginning, STARTTLS, or none."""

    kind: Literal["smtp"]
    server: Listen
    security: Literal["tls", "starttls", "none"] = "tls"
    username: str | None = None
    password: Secret | None = None
    from_: Annotated[Email, Field(alias="from")]

    @model_validator(mode="after")
    def _fits_together(self) -> "MailSettings":
        if self.password is not None and self.username is None:
            raise Wrong("password_without_username", "username", {"at": "password"})
        if self.password is not None and self.security == "none":
            raise Wrong("mail_in_clear", "in clear", {"at": "security"})
        return self

    @property
    def endpoint(self) -> Endpoint:
        """Host and port of the server."""
        return endpoint(self.server)


class NotifyHookSettings(ChannelSettings):
    """A program that is told: JSON (CloudEvents 1.0), signed by HMAC-SHA256 as Standard Webhooks says."""

    kind: Literal["webhook"]
    url: HttpUrl
    secret: Secret


class AliyunSmsSettings(ChannelSettings):
    """SMS by Alibaba Cloud.

    key_id, key_secret   of an AccessKey that may SendSms
    sign_name, template  as they were approved
    parameters           variable of the template -> what is put there: `{priority}{text}`, see `aliyun_sms.FIELDS`
    """

    kind: Literal["aliyun_sms"]
    url: HttpUrl = "https://dysmsapi.aliyuncs.com"
    key_id: Words
    key_secret: Secret
    sign_name: Words
    template: Words
    parameters: dict[str, Words]


AnyChannel = Annotated[
    DingTalkSettings | WeComSettings | FeishuSettings | MailSettings | NotifyHookSettings | AliyunSmsSettings,
    Field(discriminator="kind"),
]


class QuietSettings(Settings):
    """Hours in which what is not of priority 1 waits until their end."""

    from_: Annotated[Clock, Field(alias="from")]
    to: Clock


class RouteForSettings(Settings):
    """Which alarms; all that is given must hold. family: also `gateway`, for what the gateway notices about itself."""

    family: Words | None = None
    site: Words | None = None
    district: Words | None = None
    labels: dict[str, Words] = Field(default_factory=dict)
    rules: tuple[str, ...] = ()


class StepSettings(Settings):
    """One channel, and who is mentioned or written to there."""

    channel: str
    people: tuple[str, ...] = ()


def _all(value: object) -> object:
    return {} if value == "all" else value


class RouteSettings(StepSettings):
    """Which alarms are told where.

    priorities  1 the highest; none = all
    shifts      only in these shifts of `console: shifts:`; none = at any time
    quiet       see `QuietSettings`
    then        the ladder of an alarm that nobody acknowledges: the first step after half of the rule's time to
                respond, the second after the whole, each further one half of it later
    """

    name: Word
    for_: Annotated[
        RouteForSettings, Field(alias="for"), BeforeValidator(_all, json_schema_input_type=RouteForSettings | str)
    ] = RouteForSettings()
    priorities: tuple[Annotated[int, Field(ge=1, le=4)], ...] = ()
    shifts: tuple[str, ...] = ()
    quiet: QuietSettings | None = None
    then: tuple[StepSettings, ...] = ()


_QUARTER_MS = 15 * 60_000


def _seldom(every_ms: int) -> int:
    if every_ms < 5 * 60_000:
        raise Wrong("nag", "too often")
    return every_ms


class NotifySettings(Settings):
    """Telling people.

    console  address of the console, for links; None = messages have none
    daily    when each channel is told that the gateway is alive, by the clock of its zone
    nag      how often people are reminded of alarms that nobody has acknowledged, ms
    """

    console: HttpUrl | None = None
    daily: Clock = "08:00"
    nag: Annotated[Duration, AfterValidator(_seldom)] = _QUARTER_MS
    people: tuple[PersonSettings, ...] = ()
    channels: Annotated[tuple[AnyChannel, ...], NOT_EMPTY]
    routes: Annotated[tuple[RouteSettings, ...], NOT_EMPTY]
