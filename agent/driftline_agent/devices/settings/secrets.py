"""Credentials by name, with the secrets that their references lead to. Nothing of it is written anywhere."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftline_agent.devices.settings.config import CredentialEntry, DevicesConfig
from driftline_agent.devices.settings.document import Place
from driftline_agent.devices.settings.errors import SecretError, SourceUnreachable
from driftline_agent.devices.settings.following import follow
from driftline_agent.devices.settings.reading_credentials import CommunityRecipe, read_credential
from driftline_agent.devices.settings.references import Reference
from driftline_agent.devices.snmp.credentials import Community, User

if TYPE_CHECKING:
    from driftline_agent.devices.settings.vault import Vault

__all__ = ["SecretError", "Secrets"]

#: How long a credential is used before its source is asked again; for how long it is used while its source does not
#: answer; and how soon a source that failed is asked again. Seconds.
KEPT_S, KEPT_IN_NEED_S, FAILED_S = 300.0, 3600.0, 30.0


@dataclass(slots=True)
class _Slot:
    """What is known of one credential."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    #: With the clock at which its source was asked.
    known: tuple[Community | User, float] | None = None
    failed: tuple[SecretError, float] | None = None
    #: Raised by `forget`: what was asked for before it does not count.
    forgotten: int = 0


class Secrets:
    """Follows the references of one file's credentials. Safe for several threads; may block for 10 s a reference.

    In asyncio: ``await asyncio.to_thread(secrets.credential, name)``.

    :param clock: seconds.
    """

    def __init__(self, config: DevicesConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._config, self._clock = config, clock
        self._vault: Vault | None = None
        if config.vault:
            from driftline_agent.devices.settings import vault  # with it come TLS and HTTP

            self._vault = vault.Vault(config.vault, clock)
        self._slots = {name: _Slot() for name in config.credentials}

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._slots)})"

    def credential(self, name: str) -> Community | User:
        """Return a credential as it is used.

        :raises SecretError: where a reference leads nowhere, or there is no such credential; without any secret.
        """
        slot = self._slots.get(name)
        if slot is None:
            raise SecretError(f'there is no credential "{name}"; there are {", ".join(self._slots)}')
        with slot.lock:
            now, known, failed = self._clock(), slot.known, slot.failed
            if known is not None and now - known[1] < KEPT_S:
                return known[0]
            error = failed[0] if failed is not None and now - failed[1] < FAILED_S else None
            if error is None:
                forgotten = slot.forgotten
                try:
                    made = self._make(self._config.credentials[name])
                except SecretError as raised:
                    error = raised
                    if slot.forgotten == forgotten:
                        slot.failed = (error, self._clock())
                else:
                    if slot.forgotten == forgotten:
                        slot.known, slot.failed = (made, now), None
                    return made
            if isinstance(error, SourceUnreachable) and known is not None and now - known[1] < KEPT_IN_NEED_S:
                return known[0]
            raise type(error)(*error.args)

    def forget(self, name: str) -> None:
        """Have the source asked again at the next use: a device refused what is known. Never blocks."""
        slot = self._slots.get(name)
        if slot is not None:
            slot.forgotten += 1
            slot.known = slot.failed = None

    def _make(self, entry: CredentialEntry) -> Community | User:
        recipe = read_credential(Place(self._config.file, f"credentials.{entry.name}", entry.document))
        read: dict[str, Mapping[str, object]] = {}

        def vault(path: str) -> Mapping[str, object]:
            if path not in read:  # both passphrases are often keys of one secret
                if self._vault is None:
                    raise SecretError("the file has no vault; add vault: {address: ..., token: ...}")
                read[path] = self._vault.read(path)
            return read[path]

        def of(reference: Reference | None, key: str) -> str:
            try:
                return "" if reference is None else follow(reference, vault)
            except SecretError as error:
                made = SourceUnreachable if isinstance(error, SourceUnreachable) else SecretError
                raise made(f"credential {entry.name}: {key}: {error}") from None

        if isinstance(recipe, CommunityRecipe):
            return Community(recipe.version, of(recipe.community, "community"))
        auth = of(recipe.auth_passphrase, "auth_passphrase")
        privacy = of(recipe.privacy_passphrase, "privacy_passphrase")
        try:
            return User(recipe.user, recipe.auth, auth, recipe.privacy, privacy)
        except ValueError as error:
            raise SecretError(f"credential {entry.name}: {error}") from None
