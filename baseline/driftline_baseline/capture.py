"""Drafting a baseline from what a CI is: the whole schema exactly, less what differs or moves by itself."""

from collections.abc import Mapping

from driftline import schema
from driftline_baseline.document import Document, Expectation, Selector, dump

#: What a captured baseline ignores, with why. It stands in the document, where its reviewer sees and edits it.
MOVES_BY_ITSELF: dict[str, str] = {
    "certificates.certificates[\\/etc\\/letsencrypt\\/*]": "certbot renews certificates by itself",
    "certificates.certificates[\\/etc\\/kubernetes\\/pki\\/*]": "kubelet and kubeadm renew certificates by themselves",
    "certificates.certificates[\\/etc\\/pki\\/entitlement\\/*]": "subscription-manager renews them by itself",
    "certificates.certificates[\\/etc\\/pki\\/consumer\\/*]": "subscription-manager renews it by itself",
    "files.files[\\/etc\\/letsencrypt\\/archive\\/*]": "certbot renews certificates by itself",
    "files.files[\\/etc\\/letsencrypt\\/live\\/*]": "certbot renews certificates by itself",
    "files.files[\\/etc\\/letsencrypt\\/csr\\/*]": "certbot renews certificates by itself",
    "files.files[\\/etc\\/letsencrypt\\/keys\\/*]": "certbot renews certificates by itself",
    "files.files[\\/etc\\/letsencrypt\\/renewal\\/*]": "certbot notes each renewal here",
    "files.files[\\/etc\\/systemd\\/system\\/snap-*]": "snapd mounts and drops revisions when it refreshes",
    "files.files[\\/etc\\/systemd\\/system\\/*.wants\\/snap-*]": "snapd mounts and drops revisions when it refreshes",
    "files.files[\\/etc\\/systemd\\/system\\/snap.*]": "snapd writes the units of each revision",
    "files.files[\\/etc\\/udev\\/rules.d\\/*-snap.*]": "snapd writes the rules of each revision",
    "files.files[\\/etc\\/dbus-1\\/system.d\\/snap.*]": "snapd writes the rules of each revision",
    "files.files[\\/etc\\/cni\\/net.d\\/*]": "Kubernetes' network renews the tokens in it",
    "files.files[\\/etc\\/kubernetes\\/pki\\/*]": "kubelet and kubeadm renew certificates by themselves",
    "files.files[\\/etc\\/lvm\\/devices\\/*]": "LVM adds the devices that it meets",
    "files.files[\\/etc\\/cups\\/ppd\\/*]": "printers come and go",
    "files.files[\\/etc\\/apt\\/apt.conf.d\\/01autoremove-kernels]": "written anew with each kernel",
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
    "os.sysctls[fs.nfs.*]": "there while the kernel has NFS loaded, which a mount does",
    "os.sysctls[net.bridge.*]": "there while br_netfilter is loaded, which container engines do",
    "os.sysctls[net.ipv4.vs.*]": "there while IPVS is loaded, which Kubernetes' network does",
    "os.sysctls[net.netfilter.*]": "there while connection tracking is loaded, which the first rule or container does",
    "os.sysctls[sunrpc.*]": "there while the kernel has NFS loaded, which a mount does",
    "record.announced": "how it was first heard of; expect it where newcomers are to be found",
    "services.units[snap-*]": "snapd mounts and drops revisions when it refreshes",
    "services.units[snap.*].digest": "snapd writes the units of each revision",
    "software.packages[flatpak/*].version": "desktops update their applications by themselves",
    "software.packages[snap/*].version": "snapd refreshes by itself, some times a day",
    "storage.devices[loop*]": "attached and detached by snaps and images",
    "storage.devices[nbd*]": "attached and detached by images",
    "storage.filesystems[\\/run\\/*]": "mounted per session",
}


def draft(name: str, ci_uid: str) -> Document:
    """Return the document of a baseline captured from one CI; the captured elements are pinned beside it."""
    return draft_for(name, Selector({"ci": (ci_uid,)}), MOVES_BY_ITSELF)


def draft_for(name: str, selector: Selector, ignore: Mapping[str, str]) -> Document:
    """Return the document of a baseline that wants all that was captured, less what it ignores.

    :param ignore: patterns with the reason for each.
    """
    expect = tuple(Expectation(field.name, None) for field in schema.FACTS.fields)
    return Document(name=name, selector=selector, expect=expect, ignore=tuple(ignore))


def draft_text(name: str, ci_uid: str) -> str:
    """Return the draft as YAML, with the reason beside everything that it ignores."""
    return with_reasons(draft(name, ci_uid), MOVES_BY_ITSELF)


def with_reasons(document: Document, ignore: Mapping[str, str]) -> str:
    """Return a document as YAML, with the reason beside everything that it ignores."""
    lines = dump(document).splitlines()
    if ignore:
        ignored = lines.index("ignore:") + 1
        width = min(100, max(map(len, lines[ignored:])))
        reasons = (ignore[pattern] for pattern in document.ignore)
        lines[ignored:] = [
            f"{line:<{width}}  # {reason}" for line, reason in zip(lines[ignored:], reasons, strict=True)
        ]
    return "\n".join(lines) + "\n"
