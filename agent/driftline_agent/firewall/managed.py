"""Which chains, rules and sets belong to programs that add and drop them by themselves.

Docker adds rules with each published port, Kubernetes with each pod, fail2ban with each ban, libvirt with each network
that starts. Nobody decides on these, so they never make drift; what a person writes beside them does. By name, as each
program documents or hard-codes it.
"""

import re
from collections.abc import Iterator

from driftline import late
from driftline.v1.facts_pb2 import FirewallChain, ManagedChain
from driftline_agent.firewall.nft import Ruleset

#: Owner to what its chains are called. Not DOCKER-USER: there people put their own rules.
_CHAINS = {
    "docker": r"DOCKER(?!-USER$)(?:-.*)?",
    "kubernetes": (
        r"KUBE-.*|cali-.*|felix-.*|(?:OLD_)?CILIUM_.*|FLANNEL-.*|WEAVE.*|AWS-(?:SNAT|CONNMARK)-.*|IP-MASQ.*|ANTREA-.*"
    ),
    "podman": r"NETAVARK[-_].*|CNI-.*",
    "libvirt": r"LIBVIRT_.*|libvirt-.*|[IOF][JP]?-vnet.*",
    "fail2ban": r"f2b-.*|fail2ban-.*",
    "sshguard": r"sshguard.*",
    "crowdsec": r"CROWDSEC.*|crowdsec-chain.*",
    "csf": r"DENYIN|DENYOUT|ALLOWDYN(?:IN|OUT)|LOCAL(?:INPUT|OUTPUT)|BLOCKDYN.*|CC_.*|GDENY.*|GALLOW.*",
    "psad": r"PSAD_BLOCK_.*",
    "tailscale": r"ts-(?:input|forward|postrouting)",
    "lxd": r"(?:fwd|in|out|pstrt|prert)\.(?:lxd|incus|[\w.-]+br\d*)$|lxd_.*|incus_.*",
    "upnp": r"MINIUPNPD.*|miniupnpd.*",
    "networkmanager": r"nm-(?:sh|mlag)-.*|nm-shared-.*",
    "istio": r"ISTIO_.*",
    "systemd": r"SYSTEMD-.*",
}
#: Owner to what its tables of nftables are called, all of whose chains and sets are its.
_TABLES = {
    "docker": r"docker-.*",
    "kubernetes": r"kube-proxy.*|kube-router.*|calico.*|cilium.*|antrea.*|flannel.*|cni_.*|kindnet.*|k3s.*",
    "podman": r"netavark.*",
    "libvirt": r"libvirt_.*",
    "fail2ban": r"f2b-.*|fail2ban.*",
    "sshguard": r"sshguard.*",
    "crowdsec": r"crowdsec.*",
    "lxd": r"lxd.*|incus.*",
    "networkmanager": r"nm-(?:shared|mlag|sh)-.*",
    "systemd": r"io\.systemd\..*",
    "upnp": r"miniupnpd.*",
}
_SETS = {
    "kubernetes": r"KUBE-.*|cali[46].*|kube-router.*|ANTREA.*|weave.*",
    "fail2ban": r"f2b-.*|fail2ban-.*",
    "sshguard": r"sshguard.*|attackers",
    "crowdsec": r"crowdsec.*",
    "csf": r"bl_.*|cc_.*|chain_.*",
}
#: What a rule in somebody else's chain has in it, where a program put it there.
_RULES = {
    "docker": (
        r"\bdocker0\b|\bdocker_gwbridge\b|\bbr-[0-9a-f]{12}\b"
        # Where people's rules are asked, and a container that calls its own published port.
        r"|(?:-j|jump) DOCKER-USER$"
        r"|-s (\d+\.\d+\.\d+\.\d+)/32 -d \1/32 .*-j MASQUERADE"
    ),
    "kubernetes": (
        r'comment "(?:kubernetes|cali:|cilium|flanneld)|\b(?:cni0|flannel\.1|cilium_\w+)\b|\bcali[0-9a-f+*]|\bkube-'
    ),
    "podman": r'comment "(?:name: |netavark)|\bpodman\d+\b|\bcni-podman\d+\b',
    "libvirt": r"\bvirbr\d+\b|\bvnet\d+\b",
    "lxd": r"generated for (?:LXD|Incus)|\b(?:lxd|incus)br\d+\b",
    "fail2ban": r"@f2b-|--match-set f2b-|@addr6?-set-",
    "crowdsec": r"--match-set crowdsec|@crowdsec",
    "tailscale": r"\btailscale0\b",
    "networkmanager": r'comment "nm-shared-',
}
#: iptables' option, or nft's statement, that names another chain.
_JUMP = late.pattern(r"(?:^|\s)(?:-j|-g|jump|goto)\s+(\S+)")
_VERDICTS = late.pattern(r"(?:jump|goto)\s+([\w.-]+)")


def _compiled(patterns: dict[str, str]) -> list[tuple[str, re.Pattern[str]]]:
    return [(owner, late.pattern(pattern)) for owner, pattern in patterns.items()]


_BY_CHAIN, _BY_TABLE, _BY_SET, _BY_RULE = map(_compiled, (_CHAINS, _TABLES, _SETS, _RULES))


def _named(patterns: list[tuple[str, re.Pattern[str]]], name: str) -> str:
    return next((owner for owner, pattern in patterns if pattern.fullmatch(name)), "")


def owner_of_chain(table: str, name: str) -> str:
    """Return the program that a chain belongs to; empty where it is people's."""
    return _named(_BY_TABLE, table) or _named(_BY_CHAIN, name)


def owner_of_set(table: str, name: str) -> str:
    """Return the program that a set belongs to; empty where it is people's."""
    return _named(_BY_TABLE, table) or _named(_BY_SET, name)


def owner_of_rule(table: str, rule: str) -> str:
    """Return the program that put a rule into somebody else's chain; empty where that was a person."""
    for match in (*_JUMP.finditer(rule), *_VERDICTS.finditer(rule)):
        owner = _named(_BY_CHAIN, match[1])
        if owner:
            return owner
    return next((owner for owner, pattern in _BY_RULE if pattern.search(rule)), "")


def split(ruleset: Ruleset) -> tuple[list[FirewallChain], list[ManagedChain]]:
    """Return people's chains and programs', each sorted by key; of people's, those that decide nothing are left out.

    Such are the chains of a hook with the policy accept and no rule: iptables makes them when it is first asked for
    anything.
    """
    chains: list[FirewallChain] = []
    managed: list[ManagedChain] = []
    for key in sorted(ruleset.chains):
        chain = ruleset.chains[key]
        owner = owner_of_chain(chain.table, chain.name)
        if owner:
            managed.append(_managed(chain, owner, list(chain.rules)))
            continue
        theirs = [(rule, owner_of_rule(chain.table, rule)) for rule in chain.rules]
        owners = sorted({owner for _, owner in theirs if owner})
        if owners:
            managed.append(_managed(chain, " ".join(owners), [rule for rule, owner in theirs if owner]))
            del chain.rules[:]
            chain.rules.extend(rule for rule, owner in theirs if not owner)
        if chain.name == "DOCKER-USER" and list(chain.rules) in (["-j RETURN"], ["counter return"], ["return"]):
            continue  # as Docker makes it
        if chain.rules or (chain.policy not in ("", "accept")) or not (chain.hook or owners):
            chains.append(chain)
    return chains, managed


def _managed(chain: FirewallChain, owner: str, rules: list[str]) -> ManagedChain:
    return ManagedChain(family=chain.family, table=chain.table, name=chain.name, owner=owner, rules=rules)


def sets(ruleset: Ruleset) -> Iterator[tuple[str, str, str]]:
    """Yield the keys of people's sets, sorted."""
    for family, table, name in sorted(ruleset.sets):
        if not owner_of_set(table, name):
            yield family, table, name
