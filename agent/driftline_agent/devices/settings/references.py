"""Where a secret comes from: said in the file, followed when it is used."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from driftline_agent.devices.settings.document import Place

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,254}")
_PATH = re.compile(r"[^/\s?#%]+(/[^/\s?#%]+)*")


@dataclass(frozen=True, slots=True)
class Plain:
    """The secret itself."""

    secret: str = field(repr=False)

    def __str__(self) -> str:
        return "the file itself"


@dataclass(frozen=True, slots=True)
class Environment:
    """A variable of the agent's environment."""

    name: str

    def __str__(self) -> str:
        return f"environment variable {self.name}"


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file of its own, as closed as the one that names it."""

    path: Path

    def __str__(self) -> str:
        return f"file {self.path}"


@dataclass(frozen=True, slots=True)
class Command:
    """The first line that a program prints. It is started without a shell."""

    #: What follows the program's name may be secret, though everybody on the host can see it while it runs.
    arguments: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        return f"command {self.arguments[0]}"


@dataclass(frozen=True, slots=True)
class SystemdCredential:
    """A credential that systemd gives the service: ``LoadCredential=``, systemd.exec(5)."""

    name: str

    def __str__(self) -> str:
        return f"systemd credential {self.name}"


@dataclass(frozen=True, slots=True)
class VaultKey:
    """A key of a secret in HashiCorp Vault's KV engine."""

    path: str
    key: str

    def __str__(self) -> str:
        return f"vault {self.path}, key {self.key}"


Reference = Plain | Environment | SecretFile | Command | SystemdCredential | VaultKey


@dataclass(frozen=True, slots=True)
class VaultEntry:
    """How HashiCorp Vault is reached, and as whom: by a token, or by AppRole."""

    #: https://vault.example.org:8200.
    address: str
    token: Reference | None = None
    role_id: Reference | None = None
    secret_id: Reference | None = None
    #: Where the AppRole method is mounted.
    role_mount: str = "approle"
    #: Of Vault Enterprise; empty for the root one.
    namespace: str = ""
    #: Where the KV engine is mounted, and its version: 1 or 2.
    mount: str = "secret"
    kv: int = 2
    #: Certificates that its own is checked with; None takes the system's.
    ca_file: Path | None = None


def read_reference(place: Place, in_vault: bool = True) -> Reference:
    """Return what a secret's place in the file says.

    :param in_vault: whether it may lead to Vault.
    :raises ConfigError: without what stands there, which may be the secret.
    """
    kinds = [name for name in _KINDS if in_vault or name != "vault"]
    if isinstance(place.value, str) and place.value:
        return Plain(place.value)
    if not isinstance(place.value, dict) or len(place.value) != 1 or next(iter(place.value)) not in kinds:
        raise place.fail(
            "is neither a text nor a reference; write it in quotes, or as one of "
            + ", ".join(f"{{{name}: {_KINDS[name][1]}}}" for name in kinds)
        )
    kind, found = next(iter(place.named("").items()))
    return _KINDS[kind][0](found)


def path_in_vault(place: Place) -> str:
    """Return a path below a mount of Vault."""
    path = place.text()
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise place.fail(f'"{path}" is not a path in Vault; write it like net/core, without the mount')
    return path


def absolute_path(place: Place) -> Path:
    """Return the path of a file."""
    path = Path(place.text())
    if not path.is_absolute():
        raise place.fail("is not an absolute path; write it like /etc/driftline/community")
    return path


def _environment(place: Place) -> Reference:
    if not isinstance(place.value, str) or not _VARIABLE.fullmatch(place.value):
        raise place.fail("is not the name of an environment variable; write it like DRIFTLINE_CORE")
    return Environment(place.value)


def _file(place: Place) -> Reference:
    return SecretFile(absolute_path(place))


def _command(place: Place) -> Reference:
    arguments = place.some()
    if not all(isinstance(argument.value, str) for argument in arguments):
        raise place.fail("is not a list of texts; put each argument in quotes")
    if not arguments[0].value.startswith("/"):
        raise place.fail("does not begin with an absolute path; write it like [/usr/bin/pass, show, core]")
    return Command(tuple(argument.value for argument in arguments))


def _systemd(place: Place) -> Reference:
    if not isinstance(place.value, str) or not _CREDENTIAL.fullmatch(place.value):
        raise place.fail("is not the name of a systemd credential; write it like driftline.core")
    return SystemdCredential(place.value)


def _vault(place: Place) -> Reference:
    found = place.mapping(("path", "key"))
    for name in ("path", "key"):
        if name not in found:
            raise place.fail(f"has no {name}; write it like {{path: net/core, key: auth}}")
    return VaultKey(path_in_vault(found["path"]), found["key"].text())


_KINDS: Mapping[str, tuple[Callable[[Place], Reference], str]] = {
    "env": (_environment, "NAME"),
    "file": (_file, "/PATH"),
    "command": (_command, "[/PROGRAM, ARGUMENT]"),
    "systemd": (_systemd, "NAME"),
    "vault": (_vault, "{path: PATH, key: KEY}"),
}
