"""Follows references to secrets. Whatever goes wrong, what was read stands in no message."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from driftline_agent.devices.settings import private
from driftline_agent.devices.settings.errors import SecretError, SourceUnreachable
from driftline_agent.devices.settings.references import (
    Command,
    Environment,
    Plain,
    Reference,
    SecretFile,
    SystemdCredential,
    VaultKey,
)
from driftline_agent.errors import UnreadableError

#: What a program may take, and print.
COMMAND_S, MOST_BYTES = 10.0, 1 << 16

#: Returns the keys of a secret in Vault by its path.
Vaults = Callable[[str], Mapping[str, object]]


def follow(reference: Reference, vault: Vaults | None = None) -> str:
    """Return the secret.

    :param vault: what references to Vault are followed by.
    :raises SecretError: where it cannot be had.
    """
    match reference:
        case Plain():
            return reference.secret
        case Environment():
            secret = os.environ.get(reference.name)
            if not secret:
                raise SecretError(f"{reference}: is not set where the agent runs; set it, or use another reference")
            return secret
        case SecretFile():
            try:
                return _line(str(reference), private.read(reference.path))
            except UnreadableError as error:
                raise SecretError(f"file {error}") from error
        case Command():
            return _line(str(reference), _output(reference).partition(b"\n")[0])
        case SystemdCredential():
            return _line(str(reference), _given(reference))
        case VaultKey():
            if vault is None:
                raise SecretError(f"{reference}: the file has no vault; add vault: {{address: ..., token: ...}}")
            return _of(reference, vault(reference.path))


def _of(reference: VaultKey, found: Mapping[str, object]) -> str:
    if reference.key not in found:
        raise SecretError(f"{reference}: the secret has no such key; its path is right, so look at its keys in Vault")
    secret = found[reference.key]
    if not isinstance(secret, str) or not secret:
        raise SecretError(f"{reference}: is not a text, or empty; store it as a text")
    return secret


def _line(source: str, data: bytes) -> str:
    """Return the only line of what a source gave."""
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretError(f"{source}: what it holds is not UTF-8; save it as UTF-8") from None
    if not text:
        raise SecretError(f"{source}: is empty; put the secret there")
    if "\n" in text or "\0" in text:
        raise SecretError(f"{source}: holds more than one line; leave only the secret")
    return text


def _given(reference: SystemdCredential) -> bytes:
    # systemd closes that folder to all but the service, by access control lists that modes do not show
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise SecretError(f"{reference}: systemd gave none; add LoadCredential={reference.name}:/PATH to the service")
    try:
        with Path(folder, reference.name).open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SecretError(f"{reference}: {reason}; add LoadCredential={reference.name}:/PATH to the service") from error


def _output(reference: Command) -> bytes:
    """Return what a program prints, at most so much of it."""
    try:
        process = subprocess.Popen(
            list(reference.arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else "an argument cannot be passed"
        raise SecretError(f"{reference}: cannot be started: {reason}") from None
    with process:
        try:
            data = _read(process, time.monotonic() + COMMAND_S)
        except TimeoutError:
            _end(process)
            raise SourceUnreachable(f"{reference}: did not end within {COMMAND_S:g} s") from None
        if len(data) > MOST_BYTES:
            _end(process)
            raise SecretError(f"{reference}: prints more than {MOST_BYTES >> 10} KiB; let it print the secret alone")
    if process.returncode:
        raise SecretError(f"{reference}: ended with status {process.returncode}; run it as the agent's user to see why")
    return data


def _read(process: "subprocess.Popen[bytes]", deadline: float) -> bytes:
    """Return what a program printed when it ended, or what is too much."""
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    data = b""
    with selectors.DefaultSelector() as selector:  # select(2) knows no descriptor above 1023
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(data) <= MOST_BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                break
            data += part
    if len(data) <= MOST_BYTES:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
    return data


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
