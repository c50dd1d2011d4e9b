"""``nft -j list ruleset``: the same facts as of the text, the rules as nft(8) writes them. Source: libnftables-json(5).

What of a statement is not known here stands in the rule as its JSON.
"""

import json
from collections.abc import Callable
from typing import Any

from driftline.v1.facts_pb2 import FirewallChain, FirewallSet
from driftline_agent.errors import UnreadableError
from driftline_agent.firewall.nft import Ruleset
from driftline_agent.firewall.sets import MOVING, add_elements

_DEPTH = 40
#: Keys of the meta expression that nft writes without the word meta.
_BARE_META = frozenset(
    {"iif", "iifname", "iiftype", "oif", "oifname", "oiftype", "skuid", "skgid", "nftrace", "rtclassid"}
)


def _words(value: Any, depth: int = 0) -> str:
    """Return an expression as text."""
    if depth > _DEPTH:
        return "..."
    if isinstance(value, bool):
        return "exists" if value else "missing"
    if isinstance(value, list):
        return ",".join(_words(one, depth + 1) for one in value)
    if not isinstance(value, dict):
        return str(value)
    if len(value) != 1:
        return json.dumps(value, sort_keys=True)
    name, body = next(iter(value.items()))
    known = _EXPRESSIONS.get(name)
    if known is None:
        return json.dumps(value, sort_keys=True)
    return known(body, depth + 1)


def _braces(body: Any, depth: int) -> str:
    elements = body if isinstance(body, list) else [body]
    return "{ " + ", ".join(_element(one, depth) for one in elements) + " }"


def _element(one: Any, depth: int) -> str:
    if isinstance(one, list) and len(one) == 2:
        return f"{_words(one[0], depth)} : {_verdict(one[1], depth)}"
    return _words(one, depth)


def _get(body: Any, key: str) -> Any:
    return body.get(key) if isinstance(body, dict) else None


def _payload(body: Any, depth: int) -> str:
    if _get(body, "protocol"):
        return f"{body['protocol']} {_get(body, 'field')}"
    return f"@{_get(body, 'base')},{_get(body, 'offset')},{_get(body, 'len')}"


def _meta(body: Any, depth: int) -> str:
    key = str(_get(body, "key"))
    return key if key in _BARE_META else f"meta {key}"


def _ct(body: Any, depth: int) -> str:
    words = ["ct", _get(body, "dir"), _get(body, "family"), _get(body, "key")]
    return " ".join(str(word) for word in words if word)


def _binary(sign: str) -> Callable[[Any, int], str]:
    def write(body: Any, depth: int) -> str:
        parts = body if isinstance(body, list) else [body]
        return f" {sign} ".join(_words(part, depth) for part in parts)

    return write


def _fib(body: Any, depth: int) -> str:
    return f"fib {_words(_get(body, 'flags'), depth).replace(',', ' . ')} {_get(body, 'result')}"


def _range(body: Any, depth: int) -> str:
    ends = body if isinstance(body, list) else [body]
    return "-".join(_words(end, depth) for end in ends)


def _prefix(body: Any, depth: int) -> str:
    return f"{_words(_get(body, 'addr'), depth)}/{_get(body, 'len')}"


def _elem(body: Any, depth: int) -> str:
    words = [_words(_get(body, "val"), depth)]
    if _get(body, "timeout") is not None:
        words.append(f"timeout {_get(body, 'timeout')}s")
    return " ".join(words)


_EXPRESSIONS: dict[str, Callable[[Any, int], str]] = {
    "payload": _payload,
    "meta": _meta,
    "ct": _ct,
    "set": _braces,
    "prefix": _prefix,
    "range": _range,
    "concat": _binary("."),
    "&": _binary("&"),
    "|": _binary("|"),
    "^": _binary("^"),
    "<<": _binary("<<"),
    ">>": _binary(">>"),
    "fib": _fib,
    "elem": _elem,
    "socket": lambda body, _: f"socket {_get(body, 'key')}",
    "rt": lambda body, _: f"rt {_get(body, 'key')}",
    "tcp option": lambda body, _: f"tcp option {_get(body, 'name')} {_get(body, 'field') or ''}".strip(),
}


def _match(body: Any, depth: int) -> str:
    sign = _get(body, "op")
    left, right = _words(_get(body, "left"), depth), _get(body, "right")
    words = _words(right, depth)
    if isinstance(right, str) and left.split()[-1:] and left.split()[-1] in ("iifname", "oifname", "helper"):
        words = f'"{words}"'
    return f"{left} {words}" if sign in ("==", "in", None) else f"{left} {sign} {words}"


def _verdict(value: Any, depth: int) -> str:
    if isinstance(value, dict) and len(value) == 1:
        name, body = next(iter(value.items()))
        if name in ("accept", "drop", "return", "continue", "queue") and not body:
            return str(name)
        if name in ("jump", "goto"):
            return f"{name} {_get(body, 'target')}"
    return _words(value, depth)


def _limit(body: Any, depth: int) -> str:
    over = "over " if _get(body, "inv") else ""
    unit = _get(body, "rate_unit")
    rate = f"{_get(body, 'rate')}{' ' + str(unit) if unit and unit != 'packets' else ''}/{_get(body, 'per')}"
    burst, burst_unit = _get(body, "burst"), _get(body, "burst_unit") or "packets"
    # Five packets are what nft assumes and does not write.
    return f"limit rate {over}{rate}" + (f" burst {burst} {burst_unit}" if burst and burst != 5 else "")


def _log(body: Any, depth: int) -> str:
    words = ["log"]
    for key in ("prefix", "group", "snaplen", "queue-threshold", "level"):
        value = _get(body, key)
        if value is not None:
            words += [key, f'"{value}"' if key == "prefix" else str(value)]
    if _get(body, "flags"):
        words += ["flags", _words(body["flags"], depth)]
    return " ".join(words)


def _nat(name: str) -> Callable[[Any, int], str]:
    def write(body: Any, depth: int) -> str:
        words = [name]
        if _get(body, "family") and _get(body, "addr") is not None:
            words.append(str(body["family"]))
        target = _words(_get(body, "addr"), depth) if _get(body, "addr") is not None else ""
        if _get(body, "port") is not None:
            target += f":{_words(body['port'], depth)}"
        if target:
            words += ["to", target]
        if _get(body, "flags"):
            words.append(_words(body["flags"], depth))
        return " ".join(words)

    return write


def _reject(body: Any, depth: int) -> str:
    kind, text = _get(body, "type"), _get(body, "expr")
    if not kind:
        return "reject"
    return "reject with tcp reset" if kind == "tcp reset" else f"reject with {kind} {_words(text, depth)}"


def _vmap(body: Any, depth: int) -> str:
    return f"{_words(_get(body, 'key'), depth)} vmap {_words(_get(body, 'data'), depth)}"


def _mangle(body: Any, depth: int) -> str:
    return f"{_words(_get(body, 'key'), depth)} set {_words(_get(body, 'value'), depth)}"


def _set_statement(body: Any, depth: int) -> str:
    return f"{_get(body, 'op')} {_get(body, 'set')} {{ {_words(_get(body, 'elem'), depth)} }}"


def _quota(body: Any, depth: int) -> str:
    return f"quota {'over ' if _get(body, 'inv') else ''}{_get(body, 'val')} {_get(body, 'val_unit')}"


_STATEMENTS: dict[str, Callable[[Any, int], str]] = {
    "match": _match,
    "counter": lambda body, _: f"counter name {body}" if isinstance(body, str) else "counter",
    "limit": _limit,
    "log": _log,
    "reject": _reject,
    "vmap": _vmap,
    "mangle": _mangle,
    "set": _set_statement,
    "quota": _quota,
    "notrack": lambda *_: "notrack",
    "flow": lambda body, _: f"flow add {_get(body, 'flowtable')}",
    **{name: _nat(name) for name in ("snat", "dnat", "masquerade", "redirect")},
}


def rule_text(expressions: Any, comment: Any = None) -> str:
    """Return a rule as nft(8) writes it."""
    words: list[str] = []
    for statement in expressions if isinstance(expressions, list) else []:
        name = next(iter(statement), "") if isinstance(statement, dict) and len(statement) == 1 else ""
        write = _STATEMENTS.get(name)
        words.append(write(statement[name], 0) if write is not None else _verdict(statement, 0))
    if isinstance(comment, str):
        words.append(f'comment "{comment}"')
    return " ".join(words)


def parse_json(text: str) -> Ruleset:
    """Return the chains and sets of a ruleset.

    :raises UnreadableError: where it is not JSON.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"nft: no JSON: {error}") from error
    out = Ruleset()
    for item in (whole.get("nftables") if isinstance(whole, dict) else None) or []:
        if not isinstance(item, dict):
            continue
        for kind, body in item.items():
            if isinstance(body, dict):
                _add(out, kind, body)
    return out


def _add(out: Ruleset, kind: str, body: dict[str, Any]) -> None:
    family, table = str(body.get("family", "")), str(body.get("table", ""))
    if kind == "rule":
        name = str(body.get("chain", ""))
        key = (family, table, name)
        chain = out.chains.setdefault(key, FirewallChain(family=family, table=table, name=name))
        chain.rules.append(rule_text(body.get("expr"), body.get("comment")))
    elif kind == "chain":
        name = str(body.get("name", ""))
        chain = out.chains.setdefault((family, table, name), FirewallChain(family=family, table=table, name=name))
        chain.type, chain.hook, chain.policy = (str(body.get(key) or "") for key in ("type", "hook", "policy"))
        priority = body.get("prio")
        if isinstance(priority, int) and abs(priority) < 1 << 31:
            chain.priority = priority
        devices = body.get("dev")
        if devices:
            chain.devices.extend(sorted(map(str, devices if isinstance(devices, list) else [devices])))
    elif kind in ("set", "map"):
        name = str(body.get("name", ""))
        out.sets[family, table, name] = _set(FirewallSet(family=family, table=table, name=name), body)


def _set(out: FirewallSet, body: dict[str, Any]) -> FirewallSet:
    kind = body.get("type")
    out.type = " . ".join(map(str, kind)) if isinstance(kind, list) else str(kind or "")
    if body.get("map"):
        out.type += f" : {body['map']}"
    flags = body.get("flags") or []
    out.flags.extend(sorted(map(str, flags if isinstance(flags, list) else [flags])))
    for key in ("timeout", "size"):
        number = body.get(key)
        if isinstance(number, int) and 0 < number < 1 << 62:
            setattr(out, key, number)
    elements = body.get("elem")
    if isinstance(elements, list) and not out.HasField("timeout") and not MOVING.intersection(out.flags):
        add_elements(out, (_element(element, 0) for element in elements))
    return out
