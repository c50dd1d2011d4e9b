"""HashiCorp Vault's KV engine, versions 1 and 2, over HTTPS; a token, or AppRole.

It is asked directly, without a proxy, and no redirection is followed: the token goes where the file says, nowhere else.
Source: https://developer.hashicorp.com/vault/api-docs/secret/kv, .../auth/approle, https://developer.hashicorp.com/vault/api-docs
(status codes).
"""

import json
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import IO, Any
from urllib.error import HTTPError, URLError

from driftline_agent.devices.settings.errors import SecretError, SourceUnreachable
from driftline_agent.devices.settings.following import follow
from driftline_agent.devices.settings.references import VaultEntry

TIMEOUT_S, MOST_BYTES = 10.0, 1 << 20
#: A token of AppRole is asked for anew this long before its end.
_MARGIN_S = 30.0
_MENDS = {
    400: "the request is not understood; look at mount, kv, and the AppRole's role_id and secret_id",
    401: "not let in; look at the token",
    403: "permission denied; the token has ended, or its policy does not let it read this",
    404: "there is no such secret; look at the path, mount and kv",
    405: "this is no KV engine of that version; look at mount and kv",
}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> None:
        return None


class Vault:
    """One Vault. Safe for several threads.

    :param clock: seconds, for the end of AppRole's tokens.
    """

    def __init__(self, entry: VaultEntry, clock: Callable[[], float] = time.monotonic) -> None:
        self._entry, self._clock = entry, clock
        self._lock = threading.Lock()
        self._opener: urllib.request.OpenerDirector | None = None
        #: AppRole's token and when it is no longer used.
        self._token: tuple[str, float] | None = None

    def __repr__(self) -> str:
        return f"Vault({self._entry.address})"

    def read(self, path: str) -> Mapping[str, object]:
        """Return the keys of a secret.

        :raises SecretError: naming the path.
        """
        infix = "data/" if self._entry.kv == 2 else ""
        place = f"{self._entry.mount}/{infix}{path}"
        known = self._token
        try:
            answer = self._ask(place, None, self._login())
        except _Status as error:
            if error.code != 403 or known is None:
                raise
            with self._lock:  # a token that was kept may have been revoked: once more with a new one
                if self._token == known:
                    self._token = None
            answer = self._ask(place, None, self._login())
        data = answer.get("data")
        if self._entry.kv == 2 and isinstance(data, dict):
            data = data.get("data")
        if not isinstance(data, dict):
            raise SecretError(f"vault {place}: the answer holds no secret; look at mount and kv")
        return data

    def _login(self) -> str:
        entry = self._entry
        if entry.token is not None:
            return follow(entry.token)
        if entry.role_id is None or entry.secret_id is None:
            raise SecretError(f"vault {entry.address}: has neither a token nor an AppRole")
        with self._lock:
            if self._token is not None and self._clock() < self._token[1]:
                return self._token[0]
            role = {"role_id": follow(entry.role_id), "secret_id": follow(entry.secret_id)}
            start = self._clock()
            place = f"auth/{entry.role_mount}/login"
            auth = self._ask(place, role, None).get("auth")
            token = auth.get("client_token") if isinstance(auth, dict) else None
            lasts_s = auth.get("lease_duration") if isinstance(auth, dict) else None
            if not isinstance(token, str) or not isinstance(lasts_s, int):
                raise SecretError(f"vault {place}: the answer holds no token; look at app_role")
            # 0 is one that does not end
            self._token = (token, start + lasts_s - _MARGIN_S if lasts_s else float("inf"))
            return token

    def _ask(self, place: str, body: Mapping[str, str] | None, token: str | None) -> dict[str, object]:
        entry = self._entry
        request = urllib.request.Request(  # noqa: S310  # https only: reading_credentials.read_vault
            f"{entry.address}/v1/{place}", data=None if body is None else json.dumps(body).encode()
        )
        request.add_header("X-Vault-Request", "true")
        if token is not None:
            request.add_unredirected_header("X-Vault-Token", token)
        if entry.namespace:
            request.add_header("X-Vault-Namespace", entry.namespace)
        try:
            with self._open().open(request, timeout=TIMEOUT_S) as answer:
                data = answer.read(MOST_BYTES + 1)
            found = json.loads(data) if len(data) <= MOST_BYTES else None
        except HTTPError as error:
            error.close()
            raise _refused(place, error.code) from None
        except (URLError, HTTPException, OSError) as error:
            raise SourceUnreachable(f"vault {entry.address}: {_reason(error)}") from None
        except ValueError:  # a token that no header can hold, whose message has it; or an answer that is no JSON
            raise SecretError(f"vault {place}: the token or the answer is not what Vault has; look at both") from None
        if not isinstance(found, dict):
            raise SecretError(f"vault {place}: the answer is not Vault's; look at the address")
        return found

    def _open(self) -> urllib.request.OpenerDirector:
        if self._opener is None:
            try:
                context = ssl.create_default_context(cafile=self._entry.ca_file)
            except (OSError, ssl.SSLError) as error:
                reason = getattr(error, "strerror", None) or "holds no certificate"
                raise SecretError(f"vault: ca_file {self._entry.ca_file}: {reason.lower()}") from None
            self._opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirect()
            )
        return self._opener


class _Status(SecretError):
    """Vault says no, by a status of HTTP."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def _refused(place: str, code: int) -> SecretError:
    if 300 <= code < 400:
        return SecretError(f"vault {place}: Vault sends on to another address ({code}); give the active node's")
    if code == 429 or code >= 500:
        words = "Vault is sealed, or in maintenance" if code == 503 else "Vault does not serve now"
        return SourceUnreachable(f"vault {place}: {words} ({code})")
    return _Status(f"vault {place}: {_MENDS.get(code, 'refused')} ({code})", code)


def _reason(error: Exception) -> str:
    """Return why there is no answer: without what a library's error may quote."""
    inner = error.reason if isinstance(error, URLError) else error
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {inner.verify_message.lower()}; give ca_file"
    if isinstance(inner, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror.lower()
    return f"no answer that can be read ({type(inner).__name__})"
