"""Webhooks as Standard Webhooks says (https://www.standardwebhooks.com): signed, with an id that stays over retries.

A receiver's address is resolved once and only that address is called, so that a name cannot lead to this machine's own
network after it was looked at; redirects are not followed; an answer's body is not read.
"""

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from driftline_server.errors import DeliveryError
from driftline_server.notifications.channels import WebhookChannel, signer

#: s that one try may take in all, and that each of its steps may.
TOTAL_S = 20.0
STEP_S = 10.0
#: A message is never larger, bytes.
LARGEST = 256 * 1024

#: Networks whose addresses stand for IPv4 addresses (RFC 6052); Python counts them as public.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryError(f"{host} cannot be resolved: {error}") from error
    return [str(address[0]) for *_, address in found]


def is_public(text: str) -> bool:
    """Tell whether an address is of the public internet, also where IPv6 wraps an IPv4 one."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not address.is_multicast


def send(channel: WebhookChannel, uid: str, message: dict[str, Any], now_ms: int, find: Resolve = resolve) -> None:
    """Send a message.

    :param uid: the same over all retries.
    :param find: returns a host's addresses.
    :raises DeliveryError: where it was not taken; `final` where another try makes no sense.
    """
    # What is no Unicode (half a surrogate pair) cannot be sent, and what is signed must be what is sent
    content = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    if len(content) > LARGEST:
        raise DeliveryError(f"the message has {len(content)} bytes, more than {LARGEST}", final=True)
    parts = urlsplit(channel.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    addresses = find(host, port)
    if not channel.allow_private and not all(is_public(address) for address in addresses):
        raise DeliveryError(f"{host} is {', '.join(addresses)}, not public; allow_private: true allows it")
    if not addresses:
        raise DeliveryError(f"{host} has no address")
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    headers = {
        "host": parts.netloc,
        "content-type": "application/json",
        "user-agent": "driftline",
        "webhook-id": uid,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": signer(channel).sign(uid, moment, content.decode()),
    }
    try:
        asyncio.run(_post(channel, addresses[0], host, port, content, headers))
    except DeliveryError:
        raise
    except TimeoutError:
        raise DeliveryError(f"{host} did not answer within {TOTAL_S:.0f} s") from None
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise DeliveryError(f"{host}: {type(error).__name__}: {error}") from error


async def _post(
    channel: WebhookChannel, address: str, host: str, port: int, content: bytes, headers: dict[str, str]
) -> None:
    parts = urlsplit(channel.url)
    literal = f"[{address}]" if ":" in address else address
    pinned = httpx.URL(
        f"{parts.scheme}://{literal}:{port}{parts.path or '/'}" + (f"?{parts.query}" * bool(parts.query))
    )
    verify: ssl.SSLContext | bool = True
    if channel.ca_file is not None:
        verify = ssl.create_default_context(cafile=str(channel.ca_file))
    async with asyncio.timeout(TOTAL_S):
        async with httpx.AsyncClient(timeout=STEP_S, follow_redirects=False, trust_env=False, verify=verify) as client:
            request = client.build_request("POST", pinned, content=content, headers=headers)
            request.extensions["sni_hostname"] = host
            answer = await client.send(request, stream=True)
            status, reason = answer.status_code, answer.reason_phrase
            await answer.aclose()
    if not 200 <= status < 300:
        raise DeliveryError(f"{host} answered {status} {reason[:100]}", final=status == httpx.codes.GONE)
