"""What sshd_config(5) says, without its defaults: settings by name, those of Match blocks apart.

The reader needs of it where users' keys are; topic sshd tells of all.
"""

import glob
import posixpath
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

CONFIG = "/etc/ssh/sshd_config"
#: What users' keys stand in where nothing says so.
KEY_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")
_MAX_FILES, _MAX_DEPTH, _MAX_LINES, _MAX_TEXT = 100, 16, 20_000, 1 << 20

#: Condition of the Match block (empty: always), name in lower case, value as its words.
Setting = tuple[str, str, list[str]]
#: Gives a file's text, None where it is not there.
Read = Callable[[str], str | None]
#: Gives the names in a folder.
Names = Callable[[str], list[str]]


def words_of(line: str) -> list[str]:
    """Return the words of a line; quotes hold one together, ``#`` at a word's beginning ends the line."""
    out: list[str] = []
    position = 0
    while position < len(line):
        if line[position] in " \t\r\n\f":
            position += 1
            continue
        if line[position] == "#":
            break
        word = ""
        while position < len(line) and line[position] not in " \t\r\n\f":
            if line[position] in "\"'":
                end = line.find(line[position], position + 1)
                if end < 0:
                    return []  # sshd refuses it
                word += line[position + 1 : end]
                position = end + 1
            else:
                word += line[position]
                position += 1
        out.append(word)
    return out


def _name_and_rest(line: str) -> tuple[str, str]:
    end = 0
    while end < len(line) and line[end] not in " \t=":
        end += 1
    rest = line[end:].lstrip(" \t")
    return line[:end].lower(), rest[1:] if rest.startswith("=") else rest


class Settings:
    """Reads a configuration with what it includes."""

    def __init__(self, read: Read, names: Names) -> None:
        self._read, self._names = read, names
        self._files = 0
        self._lines = 0

    def of(self, path: str = CONFIG) -> list[Setting]:
        """Return the settings in the order in which sshd meets them.

        :raises OSError: where a file is there and cannot be read.
        """
        return list(self._of(path, "", 0))

    def _of(self, path: str, match: str, depth: int) -> Iterator[Setting]:
        self._files += 1
        if self._files > _MAX_FILES or depth > _MAX_DEPTH:
            return
        for raw in (self._read(path) or "")[:_MAX_TEXT].splitlines():
            self._lines += 1
            if self._lines > _MAX_LINES:
                return
            line = raw.strip()
            if not line or line[0] == "#":
                continue
            name, rest = _name_and_rest(line)
            words = words_of(rest)
            if not words:
                continue
            if name == "match":
                match = "" if [word.lower() for word in words] == ["all"] else " ".join(words)
            elif name == "include":
                for pattern in words:
                    for file in self._found(pattern):
                        # A Match block that is opened in an included file ends with it.
                        yield from self._of(file, match, depth + 1)
            else:
                yield match, name, words

    def _found(self, pattern: str) -> list[str]:
        """Return the files that a pattern stands for; those in /etc/ssh where it is not absolute."""
        path = pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"
        folder, _, name = path.rpartition("/")
        if glob.has_magic(folder):
            return []
        if not glob.has_magic(name):
            return [path]
        shown = (found for found in self._names(folder) if not found.startswith("."))
        return [f"{folder}/{found}" for found in sorted(shown) if fnmatchcase(found, name)]


def key_files(settings: list[Setting]) -> list[str]:
    """Return what AuthorizedKeysFile says anywhere, or its default."""
    found: list[str] = []
    always = False
    for match, name, words in settings:
        if name == "authorizedkeysfile" and not (always and not match):
            found += words
            always = always or not match
    patterns = found if always else [*KEY_FILES, *found]
    return list(dict.fromkeys(pattern for pattern in patterns if pattern.lower() != "none"))


def expand(pattern: str, user: str, uid: str, home: str) -> str:
    """Return the file that AuthorizedKeysFile names for a user: tokens replaced, below the home where not absolute."""
    out, position = "", 0
    tokens = {"%": "%", "u": user, "U": uid, "h": home}
    while position < len(pattern):
        if pattern[position] == "%" and position + 1 < len(pattern):
            out += tokens.get(pattern[position + 1], "")
            position += 2
        else:
            out += pattern[position]
            position += 1
    return posixpath.normpath(out if out.startswith("/") else f"{home}/{out}")
