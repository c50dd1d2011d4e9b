"""Facts of what the programs print."""

from collections.abc import Iterable, Mapping

from driftline.v1.facts_pb2 import Firewall
from driftline_agent.firewall import ipset, iptables, managed, nft
from driftline_agent.firewall.ask import IPSET, IPTABLES
from driftline_agent.firewall.nft import Ruleset
from driftline_agent.firewall.protocol import Said


def merge(said: Iterable[Said]) -> tuple[Ruleset, list[str]]:
    """Return all rules, and which programs failed, with the reason.

    Of a table that iptables keeps in nftables, both tell. nft does not know all of iptables' modules, so the rules are
    iptables', what makes a chain a hook's is nft's.
    """
    texts: Mapping[str, str] = {one.program: one.text for one in said if not one.failed}
    out = nft.parse_ruleset(texts.get("nft", ""))
    for family, newer, older, _ in IPTABLES:
        theirs = iptables.parse_save(texts.get(newer, ""), family)
        for key, chain in theirs.chains.items():
            known = out.chains.get(key)
            if known is not None:
                chain.type, chain.hook, chain.policy = known.type, known.hook, known.policy
                if known.HasField("priority"):
                    chain.priority = known.priority
            out.chains[key] = chain
        out.chains.update(iptables.parse_save(texts.get(older, ""), f"legacy-{family}").chains)
    out.sets.update(ipset.parse_save(texts.get(IPSET[0], "")).sets)
    return out, [f"{one.program}: {one.text}" for one in said if one.failed]


def build(ruleset: Ruleset) -> Firewall:
    """Return people's chains and sets, and programs' chains."""
    chains, others = managed.split(ruleset)
    out = Firewall(chains=chains, managed_chains=others)
    out.sets.extend(ruleset.sets[key] for key in managed.sets(ruleset))
    return out
