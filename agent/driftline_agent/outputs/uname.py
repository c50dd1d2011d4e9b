"""``uname -a``: the running kernel."""

from driftline import late
from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_MACHINE = late.pattern(
    r"x86_64|amd64|i[3-6]86|aarch64(?:_be)?|arm(?:v\w+)?|ppc(?:64)?(?:le)?|s390x?|riscv(?:32|64)|mips\w*|ia64|sparc(?:64)?"
    r"|loongarch64|alpha|parisc(?:64)?|sh4|m68k"
)
_SYSTEMS = {"GNU/Linux", "Linux", "Android", "Toybox"}


def parse(text: str) -> Facts:
    """Return what uname says: name, node, release, version, machine; on some systems processor, platform, system."""
    words = next((line.split() for line in text.splitlines() if line.strip()), [])
    if len(words) < 4:
        raise UnreadableError("uname -a: fewer than four words")
    out = Facts()
    out.os.host.name = words[1].split(".")[0]
    kernel = out.os.kernel
    kernel.name, kernel.release = words[0], words[2]
    rest = words[3:]
    if rest[-1] in _SYSTEMS:
        rest.pop()
    while rest and (_MACHINE.fullmatch(rest[-1]) or (rest[-1] == "unknown" and len(rest) > 1)):
        word = rest.pop()
        kernel.architecture = "" if word == "unknown" else word
    kernel.version = " ".join(rest)
    return out


OUTPUT = Output(command="uname -a", parse=parse)
