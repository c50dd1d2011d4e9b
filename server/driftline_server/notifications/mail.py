"""E-mail: plain text with a short HTML beside it; the messages of one RFC are one thread."""

import html
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from driftline_server.errors import DeliveryError
from driftline_server.notifications.channels import EmailChannel

#: s for each step with the server.
TIMEOUT_S = 20.0
_LONGEST_SUBJECT = 200


def compose(
    channel: EmailChannel, name: str, uid: str, message: dict[str, Any], follows: bool, link: str | None
) -> EmailMessage:
    """Return a mail.

    :param name: of the channel: each has threads of its own.
    :param follows: an earlier mail of its thread went to this channel.
    :param link: what links begin with.
    """
    data = message["data"]
    domain = channel.sender.rpartition("@")[2]
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = channel.sender, ", ".join(channel.to)
    mail["Subject"] = one_line(f"[driftline] {data['title']}")[:_LONGEST_SUBJECT]
    mail["Date"] = format_datetime(datetime.fromisoformat(message["timestamp"]).astimezone(UTC))
    own = f"<{uid}@{domain}>"
    if data["thread"] is not None:
        first = f"<{one_line(data['thread']).replace(' ', '')}.{name}@{domain}>"
        if follows:
            mail["References"] = mail["In-Reply-To"] = first
        else:
            own = first
    mail["Message-ID"] = own
    mail["X-Driftline-Id"], mail["Auto-Submitted"] = uid, "auto-generated"
    mail.set_content(_sendable(as_text(message, link)))
    mail.add_alternative(_sendable(as_html(message, link)), subtype="html")
    return mail


def one_line(text: str) -> str:
    """Return a text that comes from a host as a header may hold it: without line ends and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _sendable(text: str) -> str:
    """Return a text without what mail cannot carry: control characters, and what is no Unicode."""
    kept = "".join(c for c in text if c in "\n\t" or ord(c) >= 32)
    return kept.encode(errors="replace").decode()


def as_text(message: dict[str, Any], link: str | None) -> str:
    """Return a message as plain text."""
    lines: list[str] = []
    for event in message["data"]["events"]:
        lines += [f"{event['severity']}: {one_line(event['title'])}", f"  {event['what']}, {event['at']}"]
        lines += [f"  {line}" for line in event["text"].splitlines()]
        lines += [f"  {line}" for line in (_cis(event), _folded(event), _state(event)) if line]
        if link is not None:
            lines.append(f"  {link}{event['link']}")
        lines.append("")
    if message["data"]["more_events"]:
        lines.append(f"and {message['data']['more_events']} more")
    return "\n".join(lines).rstrip() + "\n"


def as_html(message: dict[str, Any], link: str | None) -> str:
    """Return a message as HTML; all that comes from hosts is escaped."""
    parts: list[str] = []
    for event in message["data"]["events"]:
        title = html.escape(event["title"])
        if link is not None:
            title = f'<a href="{html.escape(link + event["link"], quote=True)}">{title}</a>'
        more = [event["what"] + ", " + event["at"], _cis(event), _folded(event), _state(event)]
        text = f"<pre>{html.escape(event['text'])}</pre>" if event["text"] else ""
        said = "<br>".join(html.escape(line) for line in more if line)
        parts.append(f"<p><strong>{html.escape(event['severity'])}</strong>: {title}<br>{said}</p>{text}")
    if message["data"]["more_events"]:
        parts.append(f"<p>and {message['data']['more_events']} more</p>")
    return f"<html><body>{''.join(parts)}</body></html>\n"


def _cis(event: dict[str, Any]) -> str:
    if not event["cis"]:
        return ""
    more = f" and {event['more_cis']} more" if event["more_cis"] else ""
    return f"CIs: {', '.join(event['cis'])}{more}"


def _folded(event: dict[str, Any]) -> str:
    return f"{event['folded']} more such events are folded into this one" if event["folded"] else ""


def _state(event: dict[str, Any]) -> str:
    rfc = event.get("rfc")
    return f"RFC {rfc['number']} is {rfc['state']}" if rfc else ""


def send(channel: EmailChannel, name: str, uid: str, message: dict[str, Any], follows: bool, link: str | None) -> None:
    """Send a message.

    :raises DeliveryError: where the server did not take it for everyone.
    """
    mail = compose(channel, name, uid, message, follows, link)
    try:
        context = ssl.create_default_context(cafile=str(channel.ca_file) if channel.ca_file else None)
        if channel.security == "tls":
            client: smtplib.SMTP = smtplib.SMTP_SSL(channel.host, channel.port, timeout=TIMEOUT_S, context=context)
        else:
            client = smtplib.SMTP(channel.host, channel.port, timeout=TIMEOUT_S)
        with client:
            if channel.security == "starttls":
                client.starttls(context=context)
            if channel.user is not None and channel.password is not None:
                client.login(channel.user, channel.password.read())
            refused = client.send_message(mail, channel.sender, list(channel.to))
    except smtplib.SMTPAuthenticationError as error:
        # The server's words may repeat what was sent
        raise DeliveryError(f"{channel.host} refused the user {channel.user} ({error.smtp_code})") from None
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise DeliveryError(f"{channel.host}: {type(error).__name__}: {error}") from error
    if refused:
        # The others have it, and must not get it again
        raise DeliveryError(f"{channel.host} refused {', '.join(sorted(refused))}", final=True)
