"""Profiles: where a server is and with which token, in `~/.config/driftline/profiles.toml`.

default = "admin"

[profiles.admin]
url = "https://driftline.example.net:8080"
token = "dlt_..."
ca_file = "/etc/driftline/ca.pem"    # optional
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: Names another file instead of the one in the home directory.
VARIABLE = "DRIFTLINE_CONFIG"


class ProfileError(ValueError):
    """The profiles cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A server and how to speak to it."""

    url: str
    token: str
    #: Certificates to trust for this server, PEM; None for the system's.
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles of a user."""

    #: Name of the one that counts where none is named; None where there is none.
    default: str | None
    profiles: Mapping[str, Profile]


def path_of(environment: Mapping[str, str]) -> Path:
    """Return where the profiles are."""
    named = environment.get(VARIABLE)
    if named:
        return Path(named)
    home = environment.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "driftline" / "profiles.toml"


def read(path: Path) -> Profiles:
    """Read the profiles; none where there is no file.

    :raises ProfileError: where others could read the tokens, or the file is damaged.
    """
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise ProfileError(f"{path}: mode {mode:04o} lets others read its tokens; type: chmod 600 {path}")
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return Profiles(None, {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ProfileError(f"{path}: cannot be read: {error}") from error
    found: dict[str, Profile] = {}
    for name, table in content.get("profiles", {}).items():
        try:
            found[name] = Profile(str(table["url"]), str(table["token"]), table.get("ca_file"))
        except (KeyError, TypeError) as error:
            raise ProfileError(f"{path}: profiles.{name} needs url and token") from error
    return Profiles(content.get("default"), found)


def choose(path: Path, name: str | None) -> Profile:
    """Return the profile of that name, by default the default one.

    :raises ProfileError: where there is none.
    """
    known = read(path)
    wanted = name or known.default or (next(iter(known.profiles)) if len(known.profiles) == 1 else None)
    if wanted is None:
        raise ProfileError(f"{path}: has no default profile; log in first: driftline login URL")
    if wanted not in known.profiles:
        names = ", ".join(known.profiles) or "none"
        raise ProfileError(f'{path}: there is no profile "{wanted}"; there are: {names}')
    return known.profiles[wanted]


def store(path: Path, name: str, profile: Profile, *, make_default: bool) -> None:
    """Add a profile or replace it; the file is readable for its owner only, and replaced as a whole.

    :param make_default: also where another one is the default.
    :raises ProfileError: where the file that is there cannot be used.
    """
    known = read(path)
    profiles = {**known.profiles, name: profile}
    default = name if make_default or known.default is None else known.default
    lines = [f"default = {_quoted(default)}"]
    for each, one in profiles.items():
        lines += ["", f"[profiles.{_quoted(each)}]", f"url = {_quoted(one.url)}", f"token = {_quoted(one.token)}"]
        if one.ca_file:
            lines.append(f"ca_file = {_quoted(one.ca_file)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    partial.replace(path)


def load(name: str | None = None) -> Profile:
    """Return a profile of the current user.

    :raises ProfileError: where there is none.
    """
    return choose(path_of(os.environ), name)


def save(name: str, profile: Profile) -> None:
    """Store a profile of the current user; the first one becomes the default.

    :raises ProfileError: where the file that is there cannot be used.
    """
    store(path_of(os.environ), name, profile, make_default=False)


def _quoted(text: str) -> str:
    """Return text as a TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
