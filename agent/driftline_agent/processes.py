"""What processes run: the program behind an interpreter, the unit behind a control group.

Source: proc(5); the interpreters' own ways to name what they run.
"""

from collections.abc import Sequence

from driftline import late

#: What a container's control group has in its path.
CONTAINER = late.pattern(r"docker|libpod|kubepods|containerd|crio|lxc|machine\.slice|/payload|garden|buildkit")
_INTERPRETER = late.pattern(
    r"(?:python|pypy|perl|ruby|node|nodejs|php|lua|tclsh|wish|bash|dash|ash|sh|zsh|ksh|mksh|fish|java|mono|busybox)"
    r"(?:[-_.]?\d[\d.]*)?(?:-fpm|-cgi|\.real)?"
)
#: Options with a value of their own, by how the interpreter's name begins; their value is no program.
_VALUED = {
    "python": ("-W", "-X", "-Q", "--check-hash-based-pycs"),
    "perl": (),
    "ruby": ("-I", "-r", "-E", "-C"),
    "node": ("-r", "--require", "--loader", "--import", "--conditions", "-C"),
    "java": ("-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules"),
    "php": ("-c", "-d", "-z"),
    "bash": ("-O", "-o", "--rcfile", "--init-file"),
}
#: Options after which comes code, not a program.
_CODE = frozenset({"-c", "-e", "-E", "-r", "--eval", "-p", "--print"})
_MAX_WORDS = 200
_PRINTABLE = late.pattern(r"[\w./@:+-]{1,300}")


def is_interpreter(executable: str) -> bool:
    """Tell whether an executable runs programs of others."""
    return _INTERPRETER.fullmatch(executable.rpartition("/")[2].removesuffix(" (deleted)")) is not None


def program_of(executable: str, words: Sequence[str]) -> str:
    """Return what an interpreter runs: a script's path, a module, a jar or class; empty where it runs none by name.

    Nothing else of a command line is told: it may hold secrets.

    :param words: its command line, with the executable's name first.
    """
    if not is_interpreter(executable):
        return ""
    name = executable.rpartition("/")[2]
    begins = next((begin for begin in _VALUED if name.startswith(begin)), "bash")
    rest = list(words[1:_MAX_WORDS])
    while rest:
        word = rest.pop(0)
        if begins == "python" and word == "-m":
            return _shown(f"-m {rest[0]}") if rest else ""
        if begins == "java" and word in ("-jar", "-m", "--module"):
            return _shown(rest[0]) if rest else ""
        if begins == "php" and word == "-f":
            return _shown(rest[0]) if rest else ""
        if word in _VALUED[begins]:
            rest = rest[1:]
        elif word in _CODE and begins != "java":
            return ""
        elif word == "--":
            return _shown(rest[0]) if rest else ""
        elif word == "-" or not word:
            return ""
        elif word.endswith("/"):
            continue  # a folder of perl -dI and the like
        elif not word.startswith(("-", "+")):
            return _shown(word)
    return ""


def _shown(word: str) -> str:
    """Return a program's name, nothing where it can be none: what an interpreter's own words are replaced by."""
    bare = word.removeprefix("-m ")
    return word if _PRINTABLE.fullmatch(bare) else ""


def unit_of(cgroup: str) -> str:
    """Return the systemd service that a process belongs to, by its control groups; empty where it is in none.

    :param cgroup: content of /proc/PID/cgroup.
    """
    for line in cgroup.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" or controllers == "name=systemd":
            for name in reversed(path.split("/")):
                if name.endswith(".service"):
                    return name
    return ""


def parse_stat(text: str) -> tuple[int, int, int] | None:
    """Return parent, flags and start (clock ticks after boot) of a /proc/PID/stat; None where it is none."""
    fields = text.rpartition(")")[2].split()
    try:
        return int(fields[1]), int(fields[6]), int(fields[19])
    except (IndexError, ValueError):
        return None
