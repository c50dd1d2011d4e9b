"""What other inventories print of this host, as leaves: a tuple of names and keys, and a text."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from xml.etree import ElementTree

Leaf = tuple[tuple[str, ...], str]
Keys = Mapping[str, tuple[str, ...]]

#: By what the elements of a list are known, by the list's name; of others it is their place.
JSON_KEYS: Keys = {
    "bindings": ("address",),
    "bindings6": ("address",),
    "routes": ("family", "destination"),
    "ansible_mounts": ("mount",),
    "ipv6": ("address",),
    "ipv4_secondaries": ("address",),
}
XML_KEYS: Keys = {
    "BATTERIES": ("NAME",),
    "CONTROLLERS": ("PCISLOT",),
    "DRIVES": ("TYPE",),
    "ENVS": ("KEY",),
    "LOCAL_GROUPS": ("NAME",),
    "LOCAL_USERS": ("LOGIN",),
    "LOGICAL_VOLUMES": ("VG_NAME", "LV_NAME"),
    "MEMORIES": ("CAPTION",),
    "NETWORKS": ("DESCRIPTION", "IPADDRESS|IPADDRESS6"),
    "PHYSICAL_VOLUMES": ("DEVICE",),
    "PROCESSES": ("PID",),
    "REPOSITORY": ("BASEURL", "NAME"),
    "SOFTWARES": ("NAME", "ARCH|ARCHITECTURE"),
    "STORAGES": ("NAME",),
    "USBDEVICES": ("VENDORID", "PRODUCTID"),
    "VOLUME_GROUPS": ("VG_NAME",),
}
#: What a service would be given: what root has in its own shell is no fact of the host.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


def text(value: object) -> str:
    """Return a leaf's value as a text; what is nothing is empty."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def leaves(value: Any, path: tuple[str, ...] = (), keys: Keys = JSON_KEYS) -> Iterator[Leaf]:
    """Yield the leaves of JSON; an empty object or list is a leaf that says nothing."""
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from leaves(below, (*path, str(name)), keys)
    elif isinstance(value, list) and value:
        wanted = keys.get(path[-1], ()) if path else ()
        for place, below in enumerate(value):
            by = tuple(_key(below, name) for name in wanted) if wanted and isinstance(below, dict) else (str(place),)
            yield from leaves(below, (*path, *by), keys)
    else:
        yield path, "" if isinstance(value, (dict, list)) else text(value)


def _key(element: Mapping[str, Any], name: str) -> str:
    return next((text(element[one]) for one in name.split("|") if element.get(one)), "")


def of_json(output: str) -> Iterator[Leaf]:
    """Yield the leaves of a JSON text."""
    yield from leaves(json.loads(output))


def of_ansible(output: str) -> Iterator[Leaf]:
    """Yield the leaves of what a module of Ansible returns: its interfaces below one name, packages by architecture."""
    facts: dict[str, Any] = json.loads(output[output.index("{") :])["ansible_facts"]
    interfaces: dict[str, Any] = {}
    for name in facts.get("ansible_interfaces", ()):
        found = facts.pop(f"ansible_{name.replace('-', '_').replace('.', '_').replace(':', '_')}", None)
        if found is not None:
            interfaces[name] = found
    if interfaces:
        facts["interfaces"] = interfaces
    packages = facts.pop("packages", {})
    facts["packages"] = {
        name: {entry.get("arch") or "": entry for entry in entries} for name, entries in packages.items()
    }
    if not packages:
        del facts["packages"]
    yield from leaves(facts)


def of_xml(output: str) -> Iterator[Leaf]:
    """Yield the leaves of an inventory of FusionInventory or OCS."""
    content = ElementTree.fromstring(output[output.index("<REQUEST") :]).find("CONTENT")
    lists: dict[str, list[Any]] = {}
    for child in content if content is not None else ():
        lists.setdefault(child.tag, []).append(_plain(child))
    for name, entries in lists.items():
        wanted = XML_KEYS.get(name)
        for place, entry in enumerate(entries):
            by: tuple[str, ...] = () if len(entries) == 1 else (str(place),)
            if wanted and isinstance(entry, dict):
                by = tuple(_key(entry, one) for one in wanted)
            if name == "SOFTWARES":
                by = (by[0].partition(":")[0], *by[1:])  # binutils:amd64
            yield from leaves(entry, (name, *by), {})


def _plain(element: ElementTree.Element) -> Any:
    if not len(element):
        return (element.text or "").strip()
    out: dict[str, Any] = {}
    for child in element:
        value = _plain(child)
        if child.tag in out:
            value = [*(out[child.tag] if isinstance(out[child.tag], list) else [out[child.tag]]), value]
        out[child.tag] = value
    return out


def of_lshw(output: str) -> Iterator[Leaf]:
    """Yield the leaves of lshw's tree: class and place of each node, then its attribute."""
    found = json.loads(output)
    for node in found if isinstance(found, list) else [found]:
        yield from _nodes(node)


def _nodes(node: dict[str, Any]) -> Iterator[Leaf]:
    children = node.pop("children", ())
    names = node.get("logicalname", "")
    place = node.get("businfo") or (names[0] if isinstance(names, list) else names) or node.get("id", "")
    yield from leaves(node, (text(node.get("class")), text(place)))
    for child in children:
        yield from _nodes(child)


class Peer(NamedTuple):
    """Another inventory: its Debian package, how it is run, and how its output is read."""

    package: str
    command: tuple[str, ...]
    read: Callable[[str], Iterator[Leaf]]


PEERS = {
    "facter": Peer("facter", ("facter", "--json"), of_json),
    "ohai": Peer("ohai", ("ohai",), of_json),
    "fusioninventory": Peer("fusioninventory-agent", ("fusioninventory-inventory",), of_xml),
    "ocsinventory": Peer("ocsinventory-agent", ("ocsinventory-agent", "--stdout"), of_xml),
    "ansible-setup": Peer(
        "ansible-core", ("ansible", "localhost", "-m", "setup", "-a", "gather_subset=all,!facter,!ohai"), of_ansible
    ),
    "ansible-package-facts": Peer("ansible-core", ("ansible", "localhost", "-m", "package_facts"), of_ansible),
    "lshw": Peer("lshw", ("lshw", "-json", "-quiet"), of_lshw),
}


def installed(peer: Peer) -> bool:
    """Tell whether a peer can be run here."""
    return shutil.which(peer.command[0], path=ENVIRONMENT["PATH"]) is not None


def ask(peer: Peer) -> list[Leaf]:
    """Run a peer and return what it says of this host."""
    environment = ENVIRONMENT | {name: os.environ[name] for name in ("HOME",) if name in os.environ}
    ran = subprocess.run(peer.command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    return list(peer.read(ran.stdout))
