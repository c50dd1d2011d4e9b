"""/proc/cpuinfo of every architecture: x86, Arm, POWER, IBM Z, MIPS, SPARC, Alpha, Itanium, RISC-V, LoongArch.

Source: proc_cpuinfo(5); show_cpuinfo() in the kernel's arch/*/kernel.
"""

import re

from driftline import late
from driftline.v1.facts_pb2 import Hardware, Processors
from driftline_agent import arm
from driftline_agent.dmi_text import parse_text

_MOST_PROCESSORS = 16_384
#: x86's "fdiv_bug", Arm's "BogoMIPS" and the like are not looked at: what is wanted stands here, by architecture.
_MODELS = ("model name", "cpu model", "Model Name", "uarch", "cpu", "CPU")
_FLAGS = ("flags", "Features", "features", "ASEs implemented")
_FAMILIES = ("cpu family", "family", "CPU Family")
_REVISIONS = ("stepping", "revision", "cpu revision", "CPU Revision")
_SYSTEMS = ("Model", "platform string", "machine", "system type", "Hardware")
_IBM_Z = late.pattern(r"version = ([0-9A-Fa-f]+),\s*identification = ([0-9A-Fa-f]+),\s*machine = ([0-9A-Fa-f]+)")


def blocks_of(text: str) -> list[dict[str, str]]:
    """Return the paragraphs of a /proc/cpuinfo as names and values; of a name that comes again the first counts."""
    blocks: list[dict[str, str]] = []
    current: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        name = name.strip()
        if not line.strip():
            if current:
                blocks.append(current)
                current = {}
        elif colon:
            if name == "processor" and "processor" in current:  # RISC-V and others leave no empty line
                blocks.append(current)
                current = {}
            current.setdefault(name, " ".join(value.split()))
        if len(blocks) > _MOST_PROCESSORS:
            break
    if current:
        blocks.append(current)
    return blocks


def processors_of(blocks: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the blocks that describe a processor each."""
    return [block for block in blocks if "processor" in block or "cpu number" in block]


def _first(names: tuple[str, ...], *blocks: dict[str, str]) -> str:
    return next((block[name] for block in blocks for name in names if block.get(name, "n/a") != "n/a"), "")


def model_of(block: dict[str, str], whole: dict[str, str]) -> str:
    """Return a processor's model: of Arm's the name by its numbers, else what the kernel prints.

    :param whole: what stands once for all processors.
    """
    _, part = arm.names(block.get("CPU implementer"), block.get("CPU part"))
    text = _first(("model name", "Processor"), block, whole)
    if part and not part.startswith("0x"):
        return part
    if block.get("arch") == "IA-64":
        return block.get("model name") or block.get("family", "")
    text = text or _first(_MODELS, block, whole)
    for value in block.values():
        if not text and (found := _IBM_Z.search(value)):
            return found[3]
    return text.partition(", altivec")[0] or part


def _number(text: str | None, base: int = 10) -> int | None:
    try:
        return int(text or "", base)
    except ValueError:
        return None


def _counts(blocks: list[dict[str, str]], whole: dict[str, str], out: Processors) -> None:
    count = len(blocks) or next(
        (
            found
            for name in ("cpus detected", "ncpus active", "ncpus probed", "# processors")
            if (found := _number(whole.get(name)))
        ),
        1 if whole.get("Processor") or whole.get("cpu") or whole.get("CPU") else 0,
    )
    if 0 < count <= _MOST_PROCESSORS:
        out.threads = count
    packages: dict[str, set[str]] = {}
    told: dict[str, int] = {}
    for place, block in enumerate(blocks):
        package = block.get("physical id") or block.get("package")
        if package is None and "siblings" not in block and "vendor_id" in block:
            package = f"alone {place}"  # a virtual machine without topology: each is a processor of its own
        if package is not None:
            packages.setdefault(package, set()).add(block.get("core id") or block.get("core") or str(place))
            told[package] = _number(block.get("cpu cores")) or 0
    if packages:
        out.sockets = len(packages)
        out.cores = min(sum(told[package] or len(cores) for package, cores in packages.items()), _MOST_PROCESSORS)


def _frequency(blocks: list[dict[str, str]], whole: dict[str, str], out: Processors) -> None:
    first = blocks[0] if blocks else whole
    megahertz = re.match(r"(\d{1,5})\.?\d*\s*MHz", first.get("clock", ""))
    hertz = re.match(r"(\d{5,12})\b", whole.get("cycle frequency [Hz]", ""))
    ticks = _number(whole.get("Cpu0ClkTck"), 16)
    if megahertz:
        out.max_frequency = int(megahertz[1]) * 1_000_000
    elif hertz:
        out.max_frequency = int(hertz[1])
    elif ticks and ticks < 1 << 40:
        out.max_frequency = ticks


def describe(text: str) -> Processors:
    """Return what a /proc/cpuinfo tells of the processors."""
    out = Processors()
    everything = blocks_of(text)
    blocks = processors_of(everything)
    whole = {name: value for block in reversed(everything) if block not in blocks for name, value in block.items()}
    if not everything:
        return out
    # Arm before Linux 3.8 tells of the processors' kind once, before or after them.
    first = {**whole, **blocks[0]} if blocks else whole
    out.model = model_of(first, whole)
    models = {model_of(block, whole) for block in blocks} - {""}
    if len(models) > 1:
        out.models.extend(sorted(models))
    vendor, _ = arm.names(first.get("CPU implementer"), None)
    out.vendor = vendor or first.get("vendor_id") or first.get("vendor") or ""
    out.microcode = first.get("microcode", "")
    out.flags.extend(sorted(set(_first(_FLAGS, first).split())))
    out.family = _first(_FAMILIES, first)
    out.model_number = first.get("model", "") if "stepping" in first or "arch" in first else ""
    out.stepping = _first(_REVISIONS, first).partition(" ")[0]
    if first.get("CPU variant"):
        variant, revision = _number(first["CPU variant"], 16), _number(first.get("CPU revision"))
        out.stepping = "" if variant is None or revision is None else f"r{variant}p{revision}"
    out.instruction_set = first.get("isa", "")
    if sizes := re.fullmatch(r"(\d{1,3}) bits physical, (\d{1,3}) bits virtual", first.get("address sizes", "")):
        out.physical_address_bits, out.virtual_address_bits = int(sizes[1]), int(sizes[2])
    if bits := _number(first.get("phys. address bits")):
        out.physical_address_bits = min(bits, 128)
    flags = set(out.flags)
    out.virtualization = next((flag for flag in ("vmx", "svm") if flag in flags), "")
    if "vendor_id" in first and "flags" in first:
        out.op_modes.extend(["32-bit", "64-bit"] if "lm" in flags else ["32-bit"])
    _counts(blocks, whole, out)
    _frequency(blocks, whole, out)
    return out


def board_of(text: str, out: Hardware) -> None:
    """Fill in what a /proc/cpuinfo tells of the machine: Arm, POWER, MIPS, Alpha do."""
    everything = blocks_of(text)
    blocks = processors_of(everything)
    whole = {name: value for block in reversed(everything) if block not in blocks for name, value in block.items()}
    if len(everything) == 1:
        whole = everything[0]
    if "vendor_id" in whole and "Hardware" not in whole:
        return
    if blocks:
        whole.setdefault("system type", blocks[0].get("system type", ""))
    out.system.product = parse_text(_first(_SYSTEMS, {name: value for name, value in whole.items() if value}))
    out.system.serial_number = parse_text(whole.get("Serial")) or parse_text(whole.get("system serial number"))
    out.board.product = parse_text(whole.get("Hardware"))
    out.board.version = parse_text(whole.get("Revision"))
