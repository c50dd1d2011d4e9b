"""What a host has of a network, whether it stays or comes and goes: as other programs list it."""

from driftline.v1.facts_pb2 import Interface, Network, Route


def interfaces(network: Network) -> list[Interface]:
    """Return all interfaces, each with the addresses, MAC and MTU that are in use."""
    out: list[Interface] = []
    for one in (*network.interfaces, *network.passing_interfaces):
        link = Interface()
        link.CopyFrom(one)
        link.mac = one.mac or one.mac_in_use
        if one.HasField("mtu_in_use"):
            link.mtu = one.mtu_in_use
        link.ClearField("addresses")
        link.addresses.extend(sorted((*one.addresses, *one.automatic_addresses), key=lambda each: each.address))
        for field in ("mac_in_use", "mtu_in_use", "automatic_addresses"):
            link.ClearField(field)  # type: ignore[arg-type]  # each is a field's name
        out.append(link)
    return sorted(out, key=lambda each: each.name)


def routes(network: Network) -> list[Route]:
    """Return all routes."""
    return [*network.routes, *network.passing_routes]
