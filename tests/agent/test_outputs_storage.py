"""What storage commands print, made into facts: on recordings of real machines, on this host, and in their variants.

The recordings' expected values are another agent's; where ours is not the same, the test says why.
"""

import json
import random
import shutil
import subprocess
from typing import Any

import pytest
from tests.support import corpora

from driftline.facts import elements
from driftline.v1.facts_pb2 import BlockDevice, Storage
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.output import all_outputs
from driftline_agent.topic import all_topics

MINE = [
    "blkid",
    "df",
    "findmnt",
    "hdparm",
    "lsblk",
    "lvs",
    "mdadm",
    "mount",
    "multipath",
    "pvs",
    "smartctl",
    "swapon",
    "vgs",
    "zfs",
    "zpool",
]
MB = 1000**2


def parsed(name: str, text: str) -> Storage:
    facts = all_outputs()[name].parse(text)
    elements(facts)  # keys are there, and none twice
    return facts.storage


def recording(path: str) -> str:
    return (corpora.corpus("hostcmd") / "resources" / path).read_text(errors="replace")


def expected(name: str) -> Any:
    return json.loads((corpora.corpus("hostcmd") / "expected" / f"{name}.json").read_text())


# recordings


def test_physical_volumes() -> None:
    for name, peers in expected("tasks__inventory__linux__lvm")["pvs"].items():
        found = {device.name: device for device in parsed("pvs", recording(f"lvm/linux/pvs/{name}")).physical_volumes}
        assert len(found) == len(peers)
        for peer in peers:
            ours = found[peer["DEVICE"]]
            assert (ours.uuid, ours.format, ours.attributes) == (peer["PV_UUID"], peer["FORMAT"], peer["ATTR"])
            assert (ours.extents, ours.volume_group_uuid) == (int(peer["PV_PE_COUNT"]), peer["VG_UUID"] or "")
            # The peer's are whole MB, cut; ours are bytes.
            assert (ours.size // MB, ours.free // MB) == (peer["SIZE"], peer["FREE"])
            assert ours.extent_size // MB == peer["PE_SIZE"] and ours.size == ours.extents * ours.extent_size


def test_volume_groups() -> None:
    for name, peers in expected("tasks__inventory__linux__lvm")["vgs"].items():
        found = {group.name: group for group in parsed("vgs", recording(f"lvm/linux/vgs/{name}")).volume_groups}
        assert len(found) == len(peers)
        for peer in peers:
            ours = found[peer["VG_NAME"]]
            assert (ours.uuid, ours.attributes) == (peer["VG_UUID"], peer["ATTR"])
            assert (ours.size // MB, ours.free // MB) == (peer["SIZE"], peer["FREE"])
            assert (ours.logical_volumes, ours.physical_volumes) == (int(peer["LV_COUNT"]), int(peer["PV_COUNT"]))
            assert f"{ours.extent_size / MB:.2f}" == peer["VG_EXTENT_SIZE"]


def test_logical_volumes() -> None:
    for name, peers in expected("tasks__inventory__linux__lvm")["lvs"].items():
        found = {volume.name: volume for volume in parsed("lvs", recording(f"lvm/linux/lvs/{name}")).logical_volumes}
        assert len(found) == len(peers)
        for peer in peers:
            ours = found[peer["LV_NAME"]]
            assert (ours.uuid, ours.attributes) == (peer["LV_UUID"], peer["ATTR"])
            assert (ours.volume_group, ours.segments) == (peer["VG_UUID"], int(peer["SEG_COUNT"]))
            assert ours.size // MB == peer["SIZE"] and ours.active


def test_multipath() -> None:
    told = expected("tasks__inventory__linux__multipath")["multipath_tests"]["multipath2"]
    maps = parsed("multipath", recording("linux/multipath/multipath2")).multipaths
    # The peer takes the second and later paths of each map for duplicates of the first.
    first = {min(found.paths, key=lambda path: (len(path.name), path.name)).name for found in maps}
    rest = {path.name for found in maps for path in found.paths} - first
    assert set(told["names_in"]) - rest == set(told["names_out"])
    assert all(found.wwid and found.policy and len(found.paths) == 2 for found in maps)


def test_smartctl() -> None:
    for name, peer in expected("agent__tools__linux")["smartctl_tests"].items():
        (ours,) = parsed("smartctl", recording(f"linux/smartctl/{name}")).devices
        assert (ours.serial_number, ours.type) == (peer["SERIALNUMBER"], peer["TYPE"])
        assert ours.transport == peer["INTERFACE"].lower()
        for field, key in (("firmware", "FIRMWARE"), ("model", "MODEL")):
            assert getattr(ours, field) == peer.get(key, getattr(ours, field))
        assert ours.size // MB == peer.get("DISKSIZE", 0)
        assert ours.vendor  # the peer's MANUFACTURER is its own guess at a company's full name: HP, HGST here


def test_hdparm() -> None:
    for name, peer in expected("agent__tools__generic")["hdparm_tests"].items():
        (ours,) = parsed("hdparm", recording(f"generic/hdparm/{name}")).devices
        assert (ours.model, ours.serial_number, ours.firmware) == (
            peer["MODEL"],
            peer["SERIALNUMBER"],
            peer["FIRMWARE"],
        )
        assert ours.wwn == f"0x{peer['WWN']}" and ours.size // MB == int(peer["DISKSIZE"])
        assert ours.transport == peer.get("INTERFACE", "").lower()


def test_df_and_mount() -> None:
    found = parsed("df", recording("generic/df/linux")).filesystems
    assert [(f.mount_point, f.device, f.type, f.size) for f in found] == [
        ("/", "/dev/sda5", "ext4", 12396968 << 10),
        ("/home", "/dev/sda7", "crypt", 45168664 << 10),
        ("/media/windows", "/dev/sda3", "fuseblk", 61442860 << 10),
    ]
    mounted = parsed("mount", recording("generic/mount/linux")).filesystems
    assert [(f.mount_point, f.type) for f in mounted][:2] == [("/", "ext4"), ("/dev", "tmpfs")]
    assert list(mounted[0].options) == ["errors=remount-ro", "noatime", "rw"] and len(mounted) == 8


# the same of this host, by its own tools


def printed(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    ).stdout


def topic(name: str) -> Storage:
    reading = read_topic(name, all_topics()[name], Host(), bytes(32)).reading
    assert reading is not None
    return reading.facts.storage


@pytest.mark.parametrize("options", [("-J", "-b", "-O"), ("-P", "-b", "-O")])
def test_lsblk_agrees_with_the_topic(options: tuple[str, ...]) -> None:
    ours = {device.name: device for device in topic("block").devices}
    theirs = {device.name: device for device in parsed("lsblk", printed("lsblk", *options)).devices}
    assert ours.keys() & theirs.keys()
    for name in ours.keys() & theirs.keys():
        for field, value in theirs[name].ListFields():
            if field.name not in (
                "scheduler",
                "transport",
            ):  # of zram and loops lsblk tells one; virtio it does not tell
                assert getattr(ours[name], field.name) == value, (name, field.name)


def test_df_and_findmnt_agree_with_the_topic() -> None:
    ours = {f.mount_point: f for f in topic("filesystems").filesystems}
    by_df = {f.mount_point: f for f in parsed("df", printed("df", "-P", "-T", "-B1")).filesystems}
    by_findmnt = {f.mount_point: f for f in parsed("findmnt", printed("findmnt", "-J")).filesystems}
    by_mount = {f.mount_point: f for f in parsed("mount", printed("mount")).filesystems}
    root = ours["/"]
    assert (by_df["/"].size, by_df["/"].type) == (root.size, root.type)
    assert by_findmnt["/"].type == by_mount["/"].type == root.type
    assert list(by_findmnt["/"].options) == list(by_mount["/"].options) == list(root.options)


# variants


def test_df_variants() -> None:
    wrapped = """Filesystem           1K-blocks      Used Available Use% Mounted on
/dev/mapper/VolGroup00-LogVol00-with-a-long-name
                      36571220  27087512   7593280  79% /
//filer/share with blank  1000  1 999   1% /mnt/my share
"""
    found = parsed("df", wrapped).filesystems
    assert [(f.device, f.mount_point, f.size) for f in found] == [
        ("/dev/mapper/VolGroup00-LogVol00-with-a-long-name", "/", 36571220 << 10),
        ("//filer/share with blank", "/mnt/my share", 1000 << 10),
    ]
    (inodes,) = parsed("df", "Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/sda1 655360 1 2 3% /\n").filesystems
    assert (inodes.inodes, inodes.HasField("size")) == (655360, False)
    (human,) = parsed(
        "df", "Filesystem Type Size Used Avail Use% Mounted on\n/dev/sda1 xfs 9.8G 1G 2G 3% /\n"
    ).filesystems
    assert (human.type, human.device, human.HasField("size")) == ("xfs", "/dev/sda1", False)
    (nfs,) = parsed(
        "df", "Filesystem Type 1M-blocks Used Available Capacity Mounted on\nf:/x nfs4 5 1 2 3% /n\n"
    ).filesystems
    assert (nfs.server, nfs.export, nfs.size) == ("f", "/x", 5 << 20)


def test_lvm_variants() -> None:
    pvs = (
        "  PV         VG   Fmt  Attr PSize    PFree \n"
        "  /dev/sda3  vg0  lvm2 a--  <118.24g 18.00g\n"
        "  /dev/sdb        lvm2 ---     1.00t  1.00t\n"
    )
    first, second = parsed("pvs", pvs).physical_volumes
    assert (first.volume_group, first.attributes, first.free) == ("vg0", "a--", 18 << 30)
    assert (second.name, second.volume_group, second.size) == ("/dev/sdb", "", 1 << 40)
    lvs = """  LV       VG  Attr       LSize  Pool  Origin Data%  Meta%  Move Log Cpy%Sync Convert
  pool     vg0 twi-aotz-- 50.00g              12.34  5.67
  [lvol0_pmspare] vg0 ewi------- 52.00m
  root     vg0 -wi-ao---- 20.00g
  snap     vg0 Vri---tz-k 10.00g pool  base
"""
    pool, root, snap = parsed("lvs", lvs).logical_volumes
    assert (pool.type, root.type, root.active, root.read_only) == ("thin-pool", "", True, False)
    assert (snap.type, snap.pool, snap.origin, snap.active, snap.read_only) == ("thin", "pool", "base", False, True)
    row = {
        "vg_name": "vg0",
        "pv_count": "1",
        "lv_count": "2",
        "vg_attr": "wz--n-",
        "vg_size": "<10.00g",
        "vg_free": "0 ",
    }
    report = json.dumps({"report": [{"vg": [row]}]})
    (group,) = parsed("vgs", report).volume_groups
    assert (group.name, group.size, group.logical_volumes) == ("vg0", 10 << 30, 2)
    (colon,) = parsed("vgs", "  VG:#PV:#LV:#SN:Attr:VSize:VFree\n  a:1:2:0:wz--n-:1.00g:0 \n").volume_groups
    assert (colon.name, colon.size) == ("a", 1 << 30)


def test_multipath_variants() -> None:
    old = """mpath1 (3600d0230003228bc000339414edb8101) dm-3 SUN,StorEdge 3510
[size=20G][features=1 queue_if_no_path][hwhandler=1 rdac][rw]
\\_ round-robin 0 [prio=100][active]
 \\_ 2:0:0:6 sdb 8:16  [active][ready]
\\_ round-robin 0 [prio=10][enabled]
 \\_ 3:0:0:6 sdc 8:32  [failed][faulty]
"""
    (found,) = parsed("multipath", old).multipaths
    assert (found.name, found.device, found.vendor, found.model) == ("mpath1", "dm-3", "SUN", "StorEdge 3510")
    assert (found.features, found.hardware_handler, found.policy) == ("1 queue_if_no_path", "1 rdac", "round-robin 0")
    assert [(p.name, p.state, p.check, p.group, p.priority) for p in found.paths] == [
        ("sdb", "active", "ready", 1, 100),
        ("sdc", "failed", "faulty", 2, 10),
    ]
    (bare,) = parsed("multipath", "3600508b4000156d700012000000b0000 dm-0 HP,HSV210\n").multipaths
    assert bare.name == bare.wwid == "3600508b4000156d700012000000b0000"


MDADM = """/dev/md0:
           Version : 1.2
     Creation Time : Mon Jun  3 11:41:18 2019
        Raid Level : raid5
        Array Size : 41908224 (39.97 GiB 42.91 GB)
     Used Dev Size : 20954112 (19.98 GiB 21.46 GB)
      Raid Devices : 3
     Total Devices : 4
       Persistence : Superblock is persistent

     Intent Bitmap : Internal

             State : clean, degraded, recovering
    Active Devices : 2
   Working Devices : 3
    Failed Devices : 1
     Spare Devices : 1

            Layout : left-symmetric
        Chunk Size : 512K

    Rebuild Status : 4% complete

              Name : host:0  (local to host host)
              UUID : 1f5f8eb4:4ba0a6ed:3bde0a0e:8cbe6a36
            Events : 21

    Number   Major   Minor   RaidDevice State
       3       8       49        0      spare rebuilding   /dev/sdd1
       -       0        0        1      removed
       2       8       33        2      active sync   /dev/sdc1

       0       8        1        -      faulty   /dev/sda1
"""


def test_mdadm() -> None:
    (array,) = parsed("mdadm", MDADM).arrays
    assert (array.name, array.level, array.devices, array.chunk_size) == ("md0", "raid5", 3, 512 << 10)
    assert (array.state, array.activity, array.bitmap, array.title) == ("active", "recover", "internal", "host:0")
    assert (array.size, array.spares, array.uuid) == (41908224 << 10, 1, "1f5f8eb4:4ba0a6ed:3bde0a0e:8cbe6a36")
    assert [(m.name, m.HasField("slot"), m.state) for m in array.members] == [
        ("sda1", False, "faulty"),
        ("sdc1", True, "in_sync"),
        ("sdd1", True, "spare,rebuilding"),
    ]


def test_smartctl_variants() -> None:
    nvme = (
        "Model Number:                       X 1\n"
        "Serial Number:  S1\n"
        "Firmware Version: F\n"
        "Total NVM Capacity:  1,000,204,886,016 [1.00 TB]\n"
        "NVMe Version: 1.3\n"
        "Namespace 1 Formatted LBA Size:     512\n"
    )
    (disk,) = parsed("smartctl", nvme).devices
    assert (disk.transport, disk.size, disk.logical_sector_size, disk.rotational) == ("nvme", 1000204886016, 512, False)
    ata = (
        "Device Model:     WDC\n"
        "Serial Number:    W1\n"
        "LU WWN Device Id: 5 0014ee 20ac975fc\n"
        "Sector Sizes:     512 bytes logical, 4096 bytes physical\n"
        "Rotation Rate:    7200 rpm\n"
        "SATA Version is:  SATA 3.0, 6.0 Gb/s\n"
        "User Capacity:    2,000,398,934,016 bytes [2.00 TB]\n"
    )
    (disk,) = parsed("smartctl", ata).devices
    assert (disk.wwn, disk.physical_sector_size, disk.rotation_rate) == ("0x50014ee20ac975fc", 4096, 7200)
    assert (disk.transport, disk.size) == ("sata", 2000398934016)


def test_swapon_blkid_and_zfs() -> None:
    (swap,) = parsed("swapon", "NAME      TYPE SIZE USED PRIO\n/swapfile file 2147483648 0 -2\n").swaps
    assert (swap.size, swap.HasField("priority")) == (2147483648, False)
    (swap,) = parsed("swapon", "Filename Type Size Used Priority\n/dev/dm-1 partition 4194300 0 10\n").swaps
    assert (swap.size, swap.priority) == (4194300 << 10, 10)
    blkid = (
        '/dev/sda1: UUID="A-B" TYPE="vfat" PARTLABEL="EFI \\"x\\"" PARTUUID="p"\n'
        '/dev/mapper/vg-root: LABEL="r" TYPE="ext4"\n'
    )
    first, second = parsed("blkid", blkid).devices
    assert (first.name, first.content, first.partition_label) == ("sda1", "vfat", 'EFI "x"')
    assert (second.mapped_name, second.label) == ("vg-root", "r")
    (exported,) = parsed("blkid", "DEVNAME=/dev/sdb\nTYPE=xfs\nUUID=u\n").devices
    assert (exported.name, exported.content) == ("sdb", "xfs")
    (pool,) = parsed("zpool", "tank\t123\t10737418240\tONLINE\t12\toff\ton\t-\n").zfs_pools
    assert (pool.name, pool.size, pool.ashift, pool.autotrim, pool.version) == ("tank", 10737418240, 12, True, "")
    (pool,) = parsed("zpool", "NAME   SIZE  ALLOC   FREE  HEALTH\ntank  9.5G  1G  8.5G  ONLINE\n").zfs_pools
    assert (pool.health, pool.HasField("size")) == ("ONLINE", False)
    zfs = (
        "tank\tfilesystem\t/tank\t-\t0\t0\t131072\tlz4\toff\t-\toff\n"
        "tank/v\tvolume\t-\t1073741824\t-\t0\t-\tlz4\toff\t-\toff\n"
    )
    tank, volume = parsed("zfs", zfs).zfs_datasets
    assert (tank.mount_point, tank.record_size, tank.HasField("quota")) == ("/tank", 131072, False)
    assert (volume.type, volume.volume_size, volume.mount_point) == ("volume", 1 << 30, "")


# hostile


@pytest.mark.parametrize("name", MINE)
def test_hostile_outputs(name: str) -> None:
    chance = random.Random(name)
    words = "/dev/sda1 on type lvm2 a-- 9" * 3
    texts = [
        "",
        "\n",
        "\0" * 999,
        "{" * 9999,
        '{"report": 1}',
        "[]",
        '{"blockdevices":[[[1]]]}',
        "x" * (1 << 20),
        MDADM * 50,
    ]
    texts += [chance.randbytes(4000).decode("latin-1") for _ in range(20)]
    texts += ["".join(chance.choice(words + "\n\t:%()=,'\"") for _ in range(3000)) for _ in range(30)]
    texts += ["99999999999999999999999999 " * 99, "-" * 5000 + "\n", " a" * 5000, "\u00b2" * 99]
    for text in texts:
        try:
            parsed(name, text)
        except UnreadableError as error:
            assert str(error).startswith("no ")


def test_disk_is_what_a_recording_without_a_name_is_of() -> None:
    (disk,) = parsed("smartctl", "Serial number: X\nDevice type: disk\n").devices
    assert isinstance(disk, BlockDevice) and disk.name == "disk"
