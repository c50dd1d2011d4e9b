"""The text of ``nft list ruleset``, without counters and handles. Source: nft(8), nftables src/rule.c."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from driftline import late
from driftline.v1.facts_pb2 import FirewallChain, FirewallSet
from driftline_agent.firewall.sets import fill

#: nft(8), standard priority names; those of the family bridge are others.
_PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_BRIDGE_PRIORITIES = {"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300}
_QUOTED = late.pattern(r'"(?:[^"\\]|\\.)*"?')
#: What counts, and numbers that the kernel gives.
_COUNTS = late.pattern(
    r"(?<=\bcounter) packets \d+ bytes \d+| # handle \d+$|(?<=\S) used (?:\d+ \w+|never)(?: ago)?"
    r"|(?<=\blast) used \S+| # count \d+$| expires [\dwdhms]+"
)
_OPENS = late.pattern(
    r"(table|chain|set|map|flowtable|counter|quota|limit|ct|secmark|synproxy|tunnel|meter)\b[^{}]*\{$"
)
_BASE = late.pattern(
    r"type (\S+) hook (\S+)(?: devices? (?:= )?(\{[^}]*\}|\S+))? priority ([^;]+?)\s*;(?:\s*policy (\w+)\s*;)?"
)
_TABLE = late.pattern(r"table (\S+) (\S+) \{")


@dataclass(slots=True)
class Ruleset:
    """Chains and sets, by family, table and name."""

    chains: dict[tuple[str, str, str], FirewallChain] = field(default_factory=dict)
    sets: dict[tuple[str, str, str], FirewallSet] = field(default_factory=dict)
    #: Comments of tables: some programs mark theirs so.
    comments: dict[tuple[str, str], str] = field(default_factory=dict)


def plain(text: str) -> str:
    """Return a rule without what counts; what stands in quotes stays."""
    out: list[str] = []
    position = 0
    for quoted in _QUOTED.finditer(text):
        out += [_COUNTS.sub("", text[position : quoted.start()]), quoted[0]]
        position = quoted.end()
    out.append(_COUNTS.sub("", text[position:]))
    return "".join(out).strip()


def _depth(line: str) -> int:
    bare = _QUOTED.sub("", line) if '"' in line else line
    return bare.count("{") - bare.count("}")


def _statements(text: str) -> Iterator[str]:
    """Yield blocks' first lines, their ends, and statements in one line however many they are printed on."""
    pending, depth = "", 0
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if not pending:
            bare = re.sub(r" # handle \d+$", "", line)
            if bare == "}" or _OPENS.fullmatch(bare):
                yield bare
                continue
        pending = f"{pending} {line}" if pending else line
        depth += _depth(line)
        if depth <= 0:
            yield pending
            pending, depth = "", 0


def priority(text: str, family: str) -> int | None:
    """Return a priority as a number: ``filter``, ``filter + 10``, ``-150``."""
    names = _BRIDGE_PRIORITIES if family == "bridge" else _PRIORITIES
    words = text.replace("+", " + ").replace("-", " - ").split()
    if words and words[0] in names:
        words[0] = str(names[words[0]])
    try:
        return int("".join(words)) if len(words) < 3 else int(words[0]) + int("".join(words[1:]))
    except ValueError:
        return None


def parse_base(chain: FirewallChain, text: str) -> bool:
    """Add what makes a chain a hook's; tell whether that is what the statement says."""
    match = _BASE.match(text)
    if match is None:
        return False
    chain.type, chain.hook, chain.policy = match[1], match[2], match[5] or ""
    number = priority(match[4], chain.family)
    if number is not None:
        chain.priority = number
    if match[3]:
        chain.devices.extend(sorted(word.strip('", ') for word in match[3].strip("{} ").split(",")))
    return True


def parse_ruleset(text: str) -> Ruleset:
    """Return the chains and sets of a ruleset; what is cut or not understood is left out."""
    out = Ruleset()
    family = table = ""
    block: FirewallChain | FirewallSet | str = ""
    properties: dict[str, str] = {}
    for statement in _statements(text):
        words = statement.split()
        if statement == "}":
            if isinstance(block, FirewallSet):
                fill(block, properties)
            if block:
                block = ""
            else:
                family = table = ""
        elif _TABLE.fullmatch(statement):
            family, table, block = words[1], words[2], ""
        elif not table:
            continue
        elif _OPENS.fullmatch(statement) and not block:
            name = words[1]
            if words[0] == "chain":
                block = out.chains.setdefault(
                    (family, table, name), FirewallChain(family=family, table=table, name=name)
                )
            elif words[0] in ("set", "map"):
                block = out.sets.setdefault((family, table, name), FirewallSet(family=family, table=table, name=name))
                properties = {}
            else:
                block = "other"
        elif isinstance(block, FirewallChain):
            if not parse_base(block, statement) and not statement.startswith("comment "):
                block.rules.append(plain(statement))
        elif isinstance(block, FirewallSet):
            _property(properties, statement)
        elif not block and words[0] == "comment":
            out.comments[family, table] = statement.partition(" ")[2].strip('"')
    return out


def _property(properties: dict[str, str], statement: str) -> None:
    statement = re.sub(r" # count \d+$", "", statement)
    name, _, value = statement.partition(" ")
    properties[name] = value.removeprefix("= ").strip()
