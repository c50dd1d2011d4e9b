"""Drafting a baseline from what a CI is: the whole schema exactly, less what differs or moves by itself."""

from driftline import schema
from driftline_baseline.document import Document, Expectation, Selector, dump

#: What a captured baseline ignores, with why. It stands in the document, where its reviewer sees and edits it.
MOVES_BY_ITSELF: dict[str, str] = {
    "network.interfaces[veth*]": "containers come and go",
    "network.interfaces[br-*]": "made by container engines",
    "network.interfaces[docker*]": "made by container engines",
    "network.interfaces[podman*]": "made by container engines",
    "network.interfaces[cni*]": "made by container engines",
    "network.interfaces[flannel*]": "made by Kubernetes' network",
    "network.interfaces[cali*]": "pods come and go",
    "network.interfaces[lxc*]": "containers come and go",
    "network.interfaces[lxdbr*]": "made by container engines",
    "network.interfaces[tap*]": "virtual machines come and go",
    "network.interfaces[vnet*]": "virtual machines come and go",
    "network.interfaces[virbr*]": "made by libvirt",
    "network.interfaces[wl*].mac": "drawn by lot while a wireless interface looks for networks",
    "network.routes[*/veth*]": "containers come and go",
    "network.routes[*/br-*]": "made by container engines",
    "network.routes[*/docker*]": "made by container engines",
    "network.routes[*/podman*]": "made by container engines",
    "network.routes[*/cni*]": "made by container engines",
    "network.routes[*/flannel*]": "made by Kubernetes' network",
    "network.routes[*/cali*]": "pods come and go",
    "network.routes[*/lxc*]": "containers come and go",
    "network.routes[*/lxdbr*]": "made by container engines",
    "network.routes[*/tap*]": "virtual machines come and go",
    "network.routes[*/vnet*]": "virtual machines come and go",
    "network.routes[*/virbr*]": "made by libvirt",
    "network.routes[*].source": "follows the interface's address",
    "record.announced": "how it was first heard of; expect it where newcomers are to be found",
    "services.units[snap-*]": "snapd mounts and drops revisions when it refreshes",
    "software.packages[snap/*].version": "snapd refreshes by itself, some times a day",
    "storage.devices[loop*]": "attached and detached by snaps and images",
    "storage.devices[nbd*]": "attached and detached by images",
    "storage.filesystems[\\/run\\/*]": "mounted per session",
}


def draft(name: str, ci_uid: str) -> Document:
    """Return the document of a baseline captured from one CI; the captured elements are pinned beside it."""
    return Document(
        name=name,
        selector=Selector({"ci": (ci_uid,)}),
        expect=tuple(Expectation(field.name, None) for field in schema.FACTS.fields),
        ignore=tuple(MOVES_BY_ITSELF),
    )


def draft_text(name: str, ci_uid: str) -> str:
    """Return the draft as YAML, with the reason beside everything that it ignores."""
    lines = dump(draft(name, ci_uid)).splitlines()
    ignored = lines.index("ignore:") + 1
    reasons = list(MOVES_BY_ITSELF.values())
    width = max(map(len, lines[ignored:]))
    lines[ignored:] = [f"{line:<{width}}  # {reason}" for line, reason in zip(lines[ignored:], reasons, strict=True)]
    return "\n".join(lines) + "\n"
