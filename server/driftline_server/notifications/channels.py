"""Channels: where messages go. Their file stays on the machine that sends, and it names secrets, never holds them."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import yaml
from standardwebhooks import Webhook

from driftline_baseline.errors import DocumentError
from driftline_baseline.yaml_reader import YamlReader, compose
from driftline_server.errors import SettingsError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]]+@[^@\s<>,;:\"()\[\]]+")
_EMAIL = (
    "kind", "host", "port", "security", "ca_file", "user", "password_file", "password_env", "from", "to",
)  # fmt: skip
_WEBHOOK = ("kind", "url", "secret_file", "secret_env", "allow_private", "ca_file")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
#: Bytes of a webhook's secret, as Standard Webhooks asks.
_SECRET_BYTES = (24, 64)


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is read from, each time that it is used; never what it is."""

    name: str
    is_file: bool

    def read(self) -> str:
        """Return it.

        :raises SettingsError: where it cannot be read; the message names the place only.
        """
        if not self.is_file:
            found = os.environ.get(self.name)
            if not found:
                raise SettingsError(f"the environment variable {self.name} is not set; it holds a channel's secret")
            return found
        try:
            text = Path(self.name).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.name}: a channel's secret cannot be read: {type(error).__name__}") from None
        if not text:
            raise SettingsError(f"{self.name}: is empty; it holds a channel's secret")
        return text


@dataclass(frozen=True, slots=True)
class EmailChannel:
    """Mail by an SMTP server."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    #: starttls, tls, none.
    security: str = "starttls"
    #: PEM; where the system does not trust the server's certificate.
    ca_file: Path | None = None
    user: str | None = None
    password: Secret | None = None
    kind: str = "email"


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """A receiver of Standard Webhooks."""

    url: str
    secret: Secret
    #: Addresses that are not of the public internet may be called.
    allow_private: bool = False
    ca_file: Path | None = None
    kind: str = "webhook"


@dataclass(frozen=True, slots=True)
class LogChannel:
    """The server's own log, a line a message: for trying things out."""

    kind: str = "log"


Channel: TypeAlias = EmailChannel | WebhookChannel | LogChannel


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of a server."""

    by_name: Mapping[str, Channel] = field(default_factory=dict)
    #: What links in messages begin with; None leaves them out.
    link: str | None = None

    def kinds(self) -> dict[str, str]:
        """Return the kind of each channel."""
        return {name: channel.kind for name, channel in self.by_name.items()}


#: Where no file is given, the channels of the shipped routing are lines in the server's log.
SHIPPED = Channels({"page": LogChannel(), "digest": LogChannel()})


class _Reader(YamlReader):
    """Turns YAML nodes into channels."""

    def channel(self, node: yaml.Node, where: str) -> Channel:
        found = self.mapping(node, where, None)
        self.need(node, found, where, ("kind",))
        kind = self.one_of(found["kind"], f"{where}.kind", ("email", "webhook", "log"))
        if kind == "log":
            self.mapping(node, where, ("kind",))
            return LogChannel()
        return self.email(node, where) if kind == "email" else self.webhook(node, where)

    def email(self, node: yaml.Node, where: str) -> EmailChannel:
        found = self.mapping(node, where, _EMAIL)
        self.need(node, found, where, ("host", "from", "to"))
        security = "starttls"
        if "security" in found:
            security = self.one_of(found["security"], f"{where}.security", tuple(_PORTS))
        port = self.number(found["port"], f"{where}.port", 1, 65535) if "port" in found else _PORTS[security]
        password = self.secret(found, node, where, "password")
        if (password is None) != ("user" not in found):
            raise self.fail(node, where, "user and password_file (or password_env) belong together")
        if password is not None and security == "none":
            raise self.fail(node, where, "sends a password in clear; write security: starttls, or tls")
        return EmailChannel(
            host=self.text(found["host"], f"{where}.host"),
            sender=self.addresses(found["from"], f"{where}.from")[0],
            to=self.addresses(found["to"], f"{where}.to"),
            port=port,
            security=security,
            ca_file=Path(self.text(found["ca_file"], f"{where}.ca_file")) if "ca_file" in found else None,
            user=self.text(found["user"], f"{where}.user") if "user" in found else None,
            password=password,
        )

    def webhook(self, node: yaml.Node, where: str) -> WebhookChannel:
        found = self.mapping(node, where, _WEBHOOK)
        self.need(node, found, where, ("url",))
        secret = self.secret(found, node, where, "secret")
        if secret is None:
            raise self.fail(node, where, "has no secret_file (or secret_env): receivers tell by it who sends")
        url = self.text(found["url"], f"{where}.url")
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            usable = False
        if not usable or parts.username is not None or not url.isprintable():
            raise self.fail(found["url"], f"{where}.url", f'"{url}" is not an http(s) address without user name')
        return WebhookChannel(
            url=url,
            secret=secret,
            allow_private=self.flag(found["allow_private"], f"{where}.allow_private")
            if "allow_private" in found
            else False,
            ca_file=Path(self.text(found["ca_file"], f"{where}.ca_file")) if "ca_file" in found else None,
        )

    def secret(self, found: Mapping[str, yaml.Node], node: yaml.Node, where: str, name: str) -> Secret | None:
        given = [word for word in (f"{name}_file", f"{name}_env") if word in found]
        if len(given) > 1:
            raise self.fail(node, where, f"has both {given[0]} and {given[1]}")
        if not given:
            return None
        return Secret(self.text(found[given[0]], f"{where}.{given[0]}"), given[0].endswith("_file"))

    def addresses(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        found = self.texts(node, where)
        for one in found:
            if _ADDRESS.fullmatch(one) is None or not one.isascii():
                raise self.fail(node, where, f'"{one}" is not an e-mail address, for example ops@example.net')
        return found


def parse(text: str, source: str) -> Channels:
    """Read a file of channels.

    :raises SettingsError: where it breaks its rules; the message names line, column and the mend.
    """
    reader = _Reader(source)
    try:
        root = compose(text, source, "a file of channels has channels")
        found = reader.mapping(root, "file", ("channels", "link"))
        reader.need(root, found, "file", ("channels",))
        nodes = reader.mapping(found["channels"], "channels", None)
        for name in nodes:
            if _NAME.fullmatch(name) is None:
                raise reader.fail(found["channels"], "channels", f'"{name}" is no name; use a to z, 0 to 9 and ._-')
        link = reader.text(found["link"], "link").rstrip("/") if "link" in found else None
        if link is not None and not link.startswith(("https://", "http://")):
            raise reader.fail(found["link"], "link", f'"{link}" is not the address of this server')
        return Channels({name: reader.channel(node, f"channels.{name}") for name, node in nodes.items()}, link)
    except DocumentError as error:
        raise SettingsError(str(error)) from error


def load(path: Path | None) -> Channels:
    """Return the channels of a file; those of the log where there is none.

    :raises SettingsError: where it cannot be read, breaks its rules, or names a secret that cannot be used.
    """
    if path is None:
        return SHIPPED
    try:
        channels = parse(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--channels {path}: {error}") from error
    for name, channel in channels.by_name.items():
        if isinstance(channel, WebhookChannel):
            try:
                signer(channel)
            except SettingsError as error:
                raise SettingsError(f"{path}: channels.{name}: {error}") from error
        elif isinstance(channel, EmailChannel) and channel.password is not None:
            channel.password.read()
    return channels


def signer(channel: WebhookChannel) -> Webhook:
    """Return what signs a channel's messages.

    :raises SettingsError: where its secret is none of Standard Webhooks.
    """
    text = channel.secret.read()
    try:
        webhook = Webhook(text)
    except (ValueError, RuntimeError, TypeError):
        webhook = None
    low, high = _SECRET_BYTES
    size = len(text.removeprefix("whsec_").rstrip("=")) * 3 // 4
    if webhook is None or not low <= size <= high:
        where = channel.secret.name
        raise SettingsError(f"{where}: must hold {low} to {high} random bytes in base64, whsec_ before them") from None
    return webhook
