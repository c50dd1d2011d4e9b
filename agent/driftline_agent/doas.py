"""What doas.conf(5) says."""

import shlex
from dataclasses import dataclass


class DoasError(ValueError):
    """A file that cannot be parsed; the message names the line and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    action: str
    who: str
    target: str
    command: str
    #: None where the rule does not name any; "args" alone allows none.
    arguments: str | None
    options: tuple[str, ...]


#: The time that shlex takes grows with the square of a line's length.
_LONGEST = 4_096
_FLAGS = frozenset({"nopass", "nolog", "persist", "keepenv"})


def parse(text: str) -> list[Rule]:
    """Return the rules of a file.

    :raises DoasError: where a line is not as doas.conf(5) has it.
    """
    out: list[Rule] = []
    for number, line in enumerate(text.replace("\0", "").replace("\\\n", " ").splitlines(), 1):
        try:
            if len(line) > _LONGEST:
                raise ValueError(f"longer than {_LONGEST} characters")
            rule = _rule(shlex.split(line, comments=True))
        except ValueError as error:
            raise DoasError(f"doas.conf: line {number}: {error}") from None
        if rule is not None:
            out.append(rule)
    return out


def _rule(words: list[str]) -> Rule | None:
    if not words:
        return None
    action, rest = words[0], words[1:]
    if action not in ("permit", "deny"):
        raise ValueError(f'"{action}" is neither permit nor deny')
    options: list[str] = []
    while rest and (rest[0] in _FLAGS or rest[0] == "setenv"):
        option = rest.pop(0)
        if option == "setenv":
            names = _braces(rest)
            # What a variable is set to may be a secret; which ones are set or kept is not.
            option = f"setenv {{ {' '.join(name.partition('=')[0] for name in names)} }}"
        options.append(option)
    if not rest:
        raise ValueError("nobody is named")
    who, rest = rest[0], rest[1:]
    target = command = ""
    arguments: str | None = None
    if rest[:1] == ["as"]:
        target, rest = (rest[1] if len(rest) > 1 else ""), rest[2:]
    if rest[:1] == ["cmd"]:
        command, rest = (rest[1] if len(rest) > 1 else ""), rest[2:]
        if rest[:1] == ["args"]:
            arguments, rest = " ".join(["args", *rest[1:]]), []
    if rest:
        raise ValueError(f"what is {rest[0]}")
    return Rule(action, who, target, command, arguments, tuple(sorted(options)))


def _braces(rest: list[str]) -> list[str]:
    names: list[str] = []
    if not rest or not rest[0].startswith("{"):
        raise ValueError("{ is missing after setenv")
    while rest:
        word = rest.pop(0)
        names += [word.strip("{}")] if word.strip("{}") else []
        if word.endswith("}"):
            return names
    raise ValueError("} is missing after setenv")
