"""The facts of this very host against what its own tools say of it. Needs what every Debian has, and iproute2."""

import json
import pwd
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.network import interfaces, routes

from driftline.v1.facts_pb2 import Facts
from driftline_agent.host import Host
from driftline_agent.topic import all_topics


def read(topic: str) -> Facts:
    return all_topics()[topic].collect(Host()).facts


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_dpkg_query() -> None:
    form = "${db:Status-Status}\t${Package}\t${Architecture}\t${Version}\t${source:Package}\t${Maintainer}\t"
    form += "${Installed-Size}\t${db:Status-Want}\n"
    theirs = {}
    for line in run("dpkg-query", "-W", "-f", form).splitlines():
        status, name, architecture, version, source, vendor, size, want = line.split("\t")
        if status == "installed":
            size_bytes = int(size) * 1024 if size else 0
            theirs[name, architecture] = (version, source, vendor, size_bytes, want == "hold")
    ours = {
        (p.name, p.architecture): (p.version, p.source or p.name, p.vendor, p.size, p.held)
        for p in read("dpkg").software.packages
    }
    assert ours == theirs


def test_dpkg_install_times() -> None:
    for package in read("dpkg").software.packages[:50]:
        folder = Path("/var/lib/dpkg/info")
        lists = [folder / f"{package.name}:{package.architecture}.list", folder / f"{package.name}.list"]
        assert package.installed_at == int(next(path for path in lists if path.exists()).stat().st_mtime)


def test_ip_address() -> None:
    theirs = {
        link["ifname"]: (
            link["mtu"],
            "UP" in link["flags"],
            {
                (f"{a['local']}/{a['prefixlen']}", a["scope"], bool(a.get("dynamic")))
                for a in link["addr_info"]
                if not a.get("temporary")
            },
        )
        for link in json.loads(run("ip", "-j", "addr"))
    }
    ours = {
        i.name: (i.mtu, i.enabled, {(a.address, a.scope, a.dynamic) for a in i.addresses})
        for i in interfaces(read("interfaces").network)
    }
    assert ours == theirs


def _hops(route: dict[str, Any]) -> list[tuple[str, str]]:
    hops = route.get("nexthops", [route])
    return [(hop.get("gateway", hop.get("via", {}).get("host", "")), hop.get("dev", "")) for hop in hops]


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_ip_route(family: str) -> None:
    theirs = set()
    for route in json.loads(run("ip", "-j", family, "route", "show", "table", "all")):
        if route.get("table") == "local" or route.get("type") in ("multicast", "anycast", "local", "broadcast"):
            continue
        destination = route["dst"] if route["dst"] != "default" else ("0.0.0.0/0" if family == "-4" else "::/0")
        if "/" not in destination:
            destination += "/32" if family == "-4" else "/128"
        for gateway, device in _hops(route):
            theirs.add((destination, route.get("table", "main"), route.get("metric", 0), gateway, device))
    found = [r for r in routes(read("routes").network) if (":" in r.destination) == (family == "-6")]
    assert {(r.destination, r.table, r.metric, r.gateway, r.interface) for r in found} == theirs


def test_lsblk() -> None:
    columns = "NAME,TYPE,SIZE,RO,RM,ROTA,MODEL,VENDOR,PKNAME"
    theirs = {}

    def walk(devices: list[dict[str, Any]]) -> None:
        for device in devices:
            if not device["name"].startswith("ram"):
                theirs[device["name"]] = tuple(device[name] or None for name in ("type", "size", "ro", "rm", "rota"))
            walk(device.get("children", []))

    walk(json.loads(run("lsblk", "-J", "-b", "-o", columns))["blockdevices"])
    ours = {
        d.name: (d.type, d.size or None, d.read_only or None, d.removable or None, d.rotational or None)
        for d in (*read("block").storage.devices, *read("block").storage.passing_devices)
    }
    assert ours == theirs


def test_lsblk_on_content() -> None:
    columns = "NAME,TYPE,MODEL,VENDOR,REV,FSTYPE,UUID,LABEL,PTTYPE,PARTUUID,PARTLABEL"
    udev = Path("/run/udev/data").is_dir()  # without it lsblk itself looks into the devices
    devices = {device.name: device for device in read("block").storage.devices}
    listed = json.loads(run("lsblk", "-J", "-b", "--list", "-o", columns))["blockdevices"]
    for theirs in listed:
        ours = devices.get(theirs["name"])
        if ours is None or ours.type == "rom":
            continue
        known = {"model": ours.model, "vendor": ours.vendor}
        if udev:
            known |= {"fstype": ours.content, "uuid": ours.uuid, "label": ours.label}
            known |= {"partuuid": ours.partition_uuid, "partlabel": ours.partition_label}
            if not ours.parent:  # of a partition lsblk gives the table that it stands in
                known["pttype"] = ours.partition_table
        assert known == {name: " ".join((theirs[name] or "").split()) for name in known}, ours.name
        assert not theirs["rev"] or theirs["rev"].strip() == ours.firmware
    assert {device["name"] for device in listed} & set(devices)


def test_getent_passwd_and_group() -> None:
    theirs = {
        tuple(line.split(":")[i] for i in (0, 2, 3, 4, 5, 6))
        for line in run("getent", "-s", "files", "passwd").splitlines()
    }
    ours = {(u.name, str(u.uid), str(u.gid), u.comment, u.home, u.shell) for u in read("users").accounts.users}
    assert ours == theirs
    groups = {tuple(line.split(":")[i] for i in (0, 2)) for line in run("getent", "-s", "files", "group").splitlines()}
    assert {(g.name, str(g.gid)) for g in read("groups").accounts.groups} == groups
    assert pwd.getpwnam("root").pw_uid == 0


def test_sysctl() -> None:
    settings = read("sysctl").os.sysctls
    assert len(settings) > 300
    for setting in settings[::7]:
        assert " ".join(run("sysctl", "-n", setting.name).split()) == setting.value, setting.name


def test_uname_and_nproc() -> None:
    kernel = read("kernel").os.kernel
    assert [kernel.name, kernel.release, kernel.architecture] == run("uname", "-srm").split()
    assert kernel.version == run("uname", "-v").strip()
    assert read("cpu").hardware.processors.threads == int(run("nproc", "--all"))


def test_df() -> None:
    lines = run("df", "-B1", "--output=target,size,source", "/").splitlines()
    target, size, source = lines[1].split()
    root = next(f for f in read("filesystems").storage.filesystems if f.mount_point == "/")
    assert (root.mount_point, root.size) == (target, int(size)) and root.device in (source, "overlay")
