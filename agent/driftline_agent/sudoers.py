"""What a sudoers file says: rules, settings, aliases, what it includes. Source: sudoers(5), its grammar and quoting."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from driftline import late

_BLANK = " \t\r\f\v"
_KINDS = ("EXEC", "FOLLOW", "INTERCEPT", "LOG_INPUT", "LOG_OUTPUT", "MAIL", "PASSWD", "SETENV")
_TAGS = frozenset(f"{no}{tag}" for no in ("", "NO") for tag in _KINDS)
_OPTIONS = late.pattern(
    r"(ROLE|TYPE|APPARMOR_PROFILE|PRIVS|LIMITPRIVS|CWD|CHROOT|TIMEOUT|NOTBEFORE|NOTAFTER)[ \t]*=[ \t]*"
)
_TAG = late.pattern(r"([A-Z_]+)[ \t]*:")
_ALIAS = late.pattern(r"(User|Runas|Host|Cmnd|Cmd)_Alias[ \t]+")
_INCLUDE = late.pattern(r"[@#](include|includedir)[ \t]+(.+)")
_DEFAULTS = late.pattern(r"Defaults(?=[ \t@:!>])")
_DIGEST = late.pattern(r"(sha(?:224|256|384|512))[ \t]*:[ \t]*([A-Za-z0-9+/=]+)")
_IPV6 = late.pattern(r"(?=[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:.]+(?:/[0-9A-Fa-f:.]+)?")
_PARAMETER = late.pattern(r"([A-Za-z_]\w*)[ \t]*(?:([+-]?=)[ \t]*)?")
_NAME = late.pattern(r"[A-Z][A-Z0-9_]*[ \t]*=")


class SudoersError(ValueError):
    """A file that cannot be parsed; the message names the line and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may start what, on which hosts, as whom."""

    who: list[str]
    hosts: list[str]
    #: Users and groups, as written; None where the rule does not say.
    run_as: tuple[list[str], list[str]] | None
    #: Tags, options and digests before it, then the command.
    tags: tuple[str, ...]
    options: tuple[str, ...]
    command: str

    def text(self) -> str:
        """Return the command with what holds for it: ``NOPASSWD: CWD=/tmp /bin/ls``."""
        return " ".join([*(f"{tag}:" for tag in self.tags), *self.options, self.command])


@dataclass(slots=True)
class Parsed:
    """What one file says."""

    rules: list[Rule] = field(default_factory=list)
    #: Scope, name, what is done to it.
    defaults: list[tuple[str, str, str]] = field(default_factory=list)
    #: Kind, name, members.
    aliases: list[tuple[str, str, list[str]]] = field(default_factory=list)
    #: include or includedir, and the path.
    includes: list[tuple[str, str]] = field(default_factory=list)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines with those that a backslash continues, and the number of each one's first."""
    pending, first = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip("\r")
        if not pending:
            first = number
        elif line.lstrip(_BLANK):
            line = line.lstrip(_BLANK)
        if line.endswith("\\") and not _is_comment(pending + line):
            pending += line[:-1] + " "
            continue
        yield first, pending + line
        pending = ""
    if pending:
        yield first, pending


def _is_comment(line: str) -> bool:
    bare = line.lstrip(_BLANK)
    return bare.startswith("#") and not (bare[1:2].isdigit() or bare[1:2] == "-") and not _INCLUDE.match(bare)


class _Line:
    """Reads one line from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        """Return the next character that is no blank; nothing at the end, or where a comment begins."""
        while self.text[self.at : self.at + 1] and self.text[self.at] in _BLANK:
            self.at += 1
        following = self.text[self.at + 1 : self.at + 2]
        if self.text[self.at : self.at + 1] == "#" and not (following.isdigit() or following == "-"):
            self.at = len(self.text)
        return self.text[self.at : self.at + 1]

    def take(self, character: str) -> bool:
        """Tell whether the next character is this one, and step over it."""
        if self.peek() != character:
            return False
        self.at += 1
        return True

    def expect(self, character: str) -> None:
        """Step over a character that must be there."""
        if not self.take(character):
            found = self.text[self.at : self.at + 20].strip() or "the line's end"
            raise SudoersError(f'"{character}" is missing before {found}')

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return what stands here, and step over it."""
        self.peek()
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def quoted(self) -> str:
        """Return what stands between the quotes that begin here."""
        out = ""
        position = self.at + 1
        while position < len(self.text):
            character = self.text[position]
            if character == "\\" and self.text[position + 1 : position + 2] in ('"', "\\"):
                out += self.text[position + 1]
                position += 2
                continue
            if character == '"':
                self.at = position + 1
                return out
            out += character
            position += 1
        raise SudoersError("quotes are not closed")

    def word(self, stops: str) -> str:
        """Return what stands before a blank or one of some characters; quotes and backslashes undone."""
        out = ""
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == '"' and out in ("", "%", "+", "%:"):
                out += self.quoted()
                continue
            if character == "\\" and self.at + 1 < len(self.text):
                out += self.text[self.at + 1]
                self.at += 2
                continue
            if (
                character in _BLANK
                or (character in stops and (character, out) != (":", "%"))
                or (character == "#" and out not in ("", "%", "%:"))
            ):
                break
            out += character
            self.at += 1
        return out

    def negation(self) -> str:
        """Return an exclamation mark where an odd number of them stands here."""
        count = 0
        while self.take("!"):
            count += 1
        return "!" if count % 2 else ""

    def names(self, stops: str, addresses: bool = False) -> list[str]:
        """Return a list of names, by commas."""
        out: list[str] = []
        while True:
            sign = self.negation()
            self.peek()
            found = self.match(_IPV6) if addresses else None
            word = found[0] if found is not None else self.word(stops)
            if not word:
                raise SudoersError(f"a name is missing before {self.text[self.at : self.at + 20] or 'the end'}")
            out.append(sign + word)
            if not self.take(","):
                return out

    def command(self) -> str:
        """Return a command with its arguments and digests, blanks between made one."""
        digests: list[str] = []
        while (found := self.match(_DIGEST)) is not None:
            digests.append(f"{found[1]}:{found[2]}")
            self.take(",")
        sign = self.negation()
        self.peek()
        body = self._regular() if self.text[self.at : self.at + 1] == "^" else self._arguments()
        if not body:
            raise SudoersError(f"a command is missing before {self.text[self.at : self.at + 20] or 'the end'}")
        return " ".join([*digests, sign + body])

    def _regular(self) -> str:
        """Return a command that is a regular expression; its arguments may be another one."""
        out = ""
        while self.text[self.at : self.at + 1] == "^":
            end = self.at + 1
            while end < len(self.text) and not (
                self.text[end] == "$" and self.text[end + 1 : end + 2] in ("", ",", ":", "#", *_BLANK)
            ):
                end += 2 if self.text[end] == "\\" else 1
            if end >= len(self.text):
                raise SudoersError("a regular expression has no $ at its end")
            out += (" " if out else "") + self.text[self.at : end + 1]
            self.at = end + 1
            if self.peek() != "^":
                return out + self._rest(out)
        return out

    def _arguments(self) -> str:
        return self._rest("")

    def _rest(self, before: str) -> str:
        out = ""
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "\\" and self.at + 1 < len(self.text):
                follows = self.text[self.at + 1]
                out += follows if follows in ":\\,= \t#" else character + follows
                self.at += 2
                continue
            if character == '"' and out.endswith(" ") and self.text[self.at : self.at + 2] == '""':
                out += '""'
                self.at += 2
                continue
            if character == "^" and out.endswith(" ") and "$" in self.text[self.at :]:
                out += self._regular()
                continue
            if character in ",:#" or (character == "=" and not out):
                break
            out += " " if character in _BLANK else character
            self.at += 1
        body = " ".join(out.split(" ")).strip()
        body = re.sub(" +", " ", body)
        return f" {body}" if before and body else body


def parse(text: str) -> Parsed:
    """Return what a file says.

    :raises SudoersError: where a line is not as sudoers(5) has it.
    """
    out = Parsed()
    for number, line in logical_lines(text.replace("\0", "")):
        try:
            _parse_line(line.strip(_BLANK), out)
        except SudoersError as error:
            raise SudoersError(f"line {number}: {error}") from None
    return out


def _parse_line(text: str, out: Parsed) -> None:
    include = _INCLUDE.fullmatch(text)
    if include is not None:
        path = _Line(include[2])
        path.peek()
        out.includes.append((include[1], path.word("")))
        return
    line = _Line(text)
    if not line.peek():
        return
    if line.match(_DEFAULTS) is not None:
        out.defaults += _defaults(line)
    elif (alias := line.match(_ALIAS)) is not None:
        kind = "Cmnd_Alias" if alias[1] == "Cmd" else f"{alias[1]}_Alias"
        while True:
            out.aliases.append(_alias(line, kind))
            if not line.take(":"):
                break
    else:
        who = line.names(",=:()")
        while True:
            out.rules += _rules(line, who)
            if not line.take(":"):
                break
    if line.peek():
        raise SudoersError(f"what is {line.text[line.at : line.at + 20]}")


def _defaults(line: _Line) -> Iterator[tuple[str, str, str]]:
    scope = ""
    kind = line.text[line.at : line.at + 1]
    if kind in ("@", ":", "!", ">"):
        line.at += 1
        if kind == "!":
            commands = [line.negation() + line.word(",")]
            while line.take(","):
                commands.append(line.negation() + line.word(","))
            scope = kind + ",".join(commands)
        else:
            scope = kind + ",".join(line.names(",", addresses=kind == "@"))
    while True:
        sign = line.negation()
        found = line.match(_PARAMETER)
        if found is None:
            raise SudoersError(f"a setting's name is missing before {line.text[line.at : line.at + 20] or 'the end'}")
        if found[2] is None:
            yield scope, found[1], "false" if sign else "true"
        else:
            yield scope, found[1], f"{found[2]} {line.word(',')}"
        if not line.take(","):
            return


def _alias(line: _Line, kind: str) -> tuple[str, str, list[str]]:
    line.peek()
    name = line.word("=,:")
    if not _NAME.fullmatch(f"{name}="):
        raise SudoersError(f'"{name}" is no name for an alias')
    line.expect("=")
    if kind != "Cmnd_Alias":
        return kind, name, line.names(",:=()", addresses=kind == "Host_Alias")
    members = [line.command()]
    while line.take(","):
        members.append(line.command())
    return kind, name, members


def _rules(line: _Line, who: list[str]) -> Iterator[Rule]:
    hosts = line.names(",=:()", addresses=True)
    line.expect("=")
    current = Rule(who, hosts, None, (), (), "")
    while True:
        current = _command_rule(line, current)
        yield current
        if not line.take(","):
            return


def _command_rule(line: _Line, before: Rule) -> Rule:
    """Return the next command's rule; what it does not say holds as for the one before."""
    run_as = before.run_as
    if line.take("("):
        users = [] if line.peek() in (":", ")") else line.names(",:()")
        groups = line.names(",:()") if line.take(":") and line.peek() != ")" else []
        line.expect(")")
        run_as = (users, groups)
    options = dict(option.split("=", 1) for option in before.options)
    tags = list(before.tags)
    while True:
        option = line.match(_OPTIONS)
        if option is not None:
            options[option[1]] = line.word(",")
            continue
        line.peek()
        tag = _TAG.match(line.text, line.at)
        if tag is None or tag[1] not in _TAGS:
            break
        line.at = tag.end()
        bare = tag[1].removeprefix("NO")
        tags = [known for known in tags if known.removeprefix("NO") != bare] + [tag[1]]
    return replace(
        before,
        run_as=run_as,
        tags=tuple(sorted(tags)),
        options=tuple(f"{name}={value}" for name, value in sorted(options.items())),
        command=line.command(),
    )
