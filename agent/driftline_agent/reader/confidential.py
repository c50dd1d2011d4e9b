"""Which files' digests leave the host sealed: all that not every user may read, but for a few that hold no secrets."""

#: Closed to other users, and yet without secrets: their plain digest may leave the host, so that the files of many
#: hosts can be compared. ``*`` is one name.
HARMLESS: dict[str, str] = {
    "/etc/sudoers": "names who may do what; passwords are in shadow",
    "/etc/sudoers.d/*": "names who may do what; passwords are in shadow",
    "/etc/audit/*": "says what is written down",
    "/etc/audit/rules.d/*": "says what is written down",
    "/etc/polkit-1/rules.d/*": "names who may do what",
    "/etc/polkit-1/localauthority/*": "names who may do what",
    "/etc/at.deny": "names users",
    "/etc/at.allow": "names users",
    "/etc/cron.deny": "names users",
    "/etc/cron.allow": "names users",
}

#: Names of files that are secrets even where every user may read them.
_SECRET_NAMES = frozenset({"shadow", "shadow-", "gshadow", "gshadow-", "opasswd", "chap-secrets", "pap-secrets"})
_SECRET_ENDS = (".key", "_key", ".keytab", ".p12", ".pfx", ".jks")


def _fits(pattern: str, path: str) -> bool:
    folder, _, name = pattern.rpartition("/")
    return path == pattern or (name == "*" and path.rpartition("/")[0] == folder)


def harmless(path: str) -> bool:
    """Tell whether a closed file's plain digest may leave the host."""
    return any(_fits(pattern, path) for pattern in HARMLESS)


def secret(path: str) -> bool:
    """Tell whether a file is a secret by its name, whoever may read it."""
    name = path.rpartition("/")[2]
    return name in _SECRET_NAMES or name.endswith(_SECRET_ENDS) or "/private/" in path


def told(path: str, patterns: tuple[str, ...] = ()) -> bool:
    """Tell whether the text of a closed file, its secrets taken out, may leave the host.

    :param patterns: of the local configuration; ``*`` stands for any run of characters within a name, ``?`` for one,
        ``**/`` at the front for any folder, and a folder for all below it.
    """
    return not secret(path) and (harmless(path) or any(matches(pattern, path) for pattern in patterns))


def matches(pattern: str, path: str) -> bool:
    """Tell whether a pattern fits a path or a folder above it."""
    import re

    anywhere = pattern.startswith("**/")
    inside = re.escape(pattern[3:] if anywhere else pattern).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.match(("(?:.*/)?" if anywhere else "") + inside + "(?:/|$)", path, re.DOTALL) is not None


def sealed(path: str, closed: bool) -> bool:
    """Tell whether a file's digest leaves the host sealed.

    :param closed: not every user may read it.
    """
    return secret(path) or (closed and not harmless(path))
