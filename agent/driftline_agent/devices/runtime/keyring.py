"""Credentials for polls: followed in a thread, because a command or a network may stand behind a name."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from driftline_agent.devices.snmp.credentials import Credential

#: A refused credential is followed anew at most this often, s: hundreds of devices may refuse it at once.
_FORGET_S = 60.0


class Source(Protocol):
    """Where credentials are from; :class:`driftline_agent.devices.settings.secrets.Secrets` is one."""

    def credential(self, name: str) -> Credential:
        """Return a credential by its name; raises AgentError where there is none."""
        ...

    def forget(self, name: str) -> None:
        """Follow it anew at its next use."""
        ...


class Keyring:
    """Credentials by name, each followed by one thread at a time."""

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._locks: dict[str, asyncio.Lock] = {}
        self._forgotten: dict[str, float] = {}

    async def credential(self, name: str) -> Credential:
        """Return a credential.

        :raises AgentError: where it cannot be had.
        """
        async with self._locks.setdefault(name, asyncio.Lock()):
            return await asyncio.to_thread(self._source.credential, name)

    def refused(self, name: str) -> None:
        """Note that a device refused it: it may be another one by now."""
        now = self._clock()
        if now - self._forgotten.get(name, -_FORGET_S) >= _FORGET_S:
            self._forgotten[name] = now
            self._source.forget(name)
