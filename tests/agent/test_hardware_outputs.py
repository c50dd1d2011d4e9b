"""What comes of recorded outputs, value by value beside what glpi-agent made of the same recordings.

Where the two differ on purpose, the difference stands here with its reason.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.corpora import corpus, expected, recording

from driftline.v1.facts_pb2 import Hardware
from driftline_agent.dmi_text import parse_date
from driftline_agent.edid import parse_edid
from driftline_agent.errors import UnreadableError
from driftline_agent.outputs import cpuinfo, ddcprobe, dmidecode, ipmitool_fru, lspci, lsusb, upower

GENERIC = "tasks__inventory__generic__"


def machine(name: str) -> Hardware:
    folder = corpus("hostcmd") / "resources/generic/dmidecode"
    (path,) = (place for place in (folder, *folder.iterdir()) if (place / name).is_file())
    return dmidecode.parse((path / name).read_text(errors="replace")).hardware


def recorded(tests: dict[str, Any]) -> list[tuple[str, Any]]:
    """Their results of the recordings that are here."""
    folder = corpus("hostcmd") / "resources/generic/dmidecode"
    here = {path.name for path in folder.rglob("*") if path.is_file()}
    found = [(name, theirs) for name, theirs in tests.items() if name in here]
    assert found
    return found


#: Fillers that they take for values, and what they do not find in the output of dmidecode 2.4.
BIOS_DIFFERS = {
    ("S5000VSA", "SSN"): "dots only",
    ("linux-1", "ASSETTAG"): "Asset-1234567890 stands on each of these boards",
    ("windows", "ASSETTAG"): "zeros only",
    ("rhel-3.4", "ASSETTAG"): "counts up to ten, three times",
    ("vmware-esx-2.5", "BDATE"): "dmidecode 2.4 calls it Release",
    ("vmware-esx-2.5", "MMANUFACTURER"): "dmidecode 2.4 calls it Vendor",
    ("vmware-esx-2.5", "MMODEL"): "dmidecode 2.4 calls it Product",
}


def test_dmidecode_on_machine_board_and_firmware() -> None:
    for name, theirs in recorded(expected(f"{GENERIC}dmidecode__bios")["tests"]):
        found = machine(name)
        ours = {
            "ASSETTAG": found.chassis.asset_tag,
            "BDATE": found.firmware.date,
            "BMANUFACTURER": found.firmware.vendor,
            "BVERSION": found.firmware.version,
            "MMANUFACTURER": found.board.manufacturer,
            "MMODEL": found.board.product,
            "MSN": found.board.serial_number,
            "SKUNUMBER": found.system.sku,
            "SMANUFACTURER": found.system.manufacturer,
            "SMODEL": found.system.product,
            "SSN": found.system.serial_number,
        }
        theirs["BDATE"] = parse_date(theirs["BDATE"])
        for field, value in ours.items():
            if (name, field) not in BIOS_DIFFERS:
                assert value == (theirs[field] or ""), (name, field)
            else:
                assert value != (theirs[field] or ""), (name, field, "no longer an exception")


def test_dmidecode_on_chassis_and_uuid() -> None:
    for name, theirs in recorded(expected(f"{GENERIC}dmidecode__hardware")["tests"]):
        found = machine(name)
        assert found.system.uuid == (theirs["UUID"] or "").lower(), name
        if name != "vmware-esx-2.5":  # dmidecode 2.4 calls it Chassis Type
            assert found.chassis.type == (theirs["CHASSIS_TYPE"] or "").lower(), name


def test_dmidecode_on_slots() -> None:
    for name, theirs in recorded(expected(f"{GENERIC}dmidecode__slots")["tests"]):
        if name == "vmware-esx-2.5":  # they do not find the names there
            continue
        use = {"used": True, "free": False, None: None}
        wanted = sorted(
            (
                s["NAME"],
                "" if s["DESCRIPTION"] in (None, "Other") else s["DESCRIPTION"],
                s["DESIGNATION"] or "",
                use[s["STATUS"]],
            )
            for s in theirs or []
        )
        found = [
            (
                slot.designation.rstrip("+"),
                slot.type,
                slot.id,
                slot.in_use if slot.HasField("in_use") else None,
            )
            for slot in machine(name).expansion_slots
        ]
        assert sorted(found) == wanted, name


def test_dmidecode_on_connectors() -> None:
    for name, theirs in recorded(expected(f"{GENERIC}dmidecode__ports")["tests"]):
        found = machine(name).ports
        assert len(found) == len(theirs or [])
        for ours, port in zip(found, theirs or [], strict=True):
            # They take the other name or plug where one is not told.
            assert port["CAPTION"] in (ours.external_name or None, ours.external_connector), name
            assert port["DESCRIPTION"] in (ours.internal_connector, ours.external_connector, ours.external_name), name
            assert port["NAME"] in (ours.internal_name or None, ours.external_name), name
            assert port["TYPE"] == (ours.type or "Other"), name  # "None" is absent


#: A code of JEDEC that we name and they do not.
MAKERS = {"Samsung", "Kingston", "Infineon"}


def test_dmidecode_on_memory() -> None:
    for name, theirs in recorded(expected(f"{GENERIC}dmidecode__memory")["tests"]):
        found = machine(name).memory
        filled = [module for module in theirs or [] if str(module.get("CAPACITY") or "No").isdigit()]
        assert sorted((m.slot.rstrip("+"), m.size >> 20) for m in found.modules) == sorted(
            (m.get("CAPTION") or ours.slot, int(m["CAPACITY"])) for m, ours in zip(filled, found.modules, strict=True)
        ), name
        by_slot = {module.slot: module for module in found.modules}
        for module in filled:
            ours = by_slot.get(module.get("CAPTION") or "")
            if ours is None or len(by_slot) != len(filled):
                continue  # type 6 of the old machines: they do not tell the slots
            assert ours.type == (module["TYPE"] or ""), name
            assert ours.part_number == (module.get("MODEL") or ""), name
            if not re.fullmatch(r"SerNum\d+", module["SERIALNUMBER"] or ""):  # a counted filler
                assert ours.serial_number == (module["SERIALNUMBER"] or ""), name
            assert str(ours.speed or "") == (module["SPEED"] or ""), name
            if module["MANUFACTURER"] or ours.manufacturer not in MAKERS:
                assert ours.manufacturer == (module["MANUFACTURER"] or ""), name
            assert found.error_correction == (module["MEMORYCORRECTION"] or ""), name


def test_dmidecode_on_batteries() -> None:
    for name, theirs in recorded(expected(f"{GENERIC}dmidecode__battery")["tests"]):
        found = machine(name).batteries
        for ours, battery in zip(found, theirs or [], strict=True):
            assert (ours.capacity, ours.voltage) == (battery.get("CAPACITY", 0), battery["VOLTAGE"]), name
            assert (ours.model, ours.chemistry) == (battery["NAME"], battery["CHEMISTRY"]), name
            assert ours.manufactured == "-".join(reversed(battery["DATE"].split("/"))), name
            # They shorten and re-spell makers.
            assert ours.manufacturer.lower().startswith(battery["MANUFACTURER"].lower()), name
            if name != "linux-2.6":  # four hexadecimal digits, 7734, that they take for decimal
                assert ours.serial_number == battery["SERIAL"], name
    assert machine("linux-2.6").batteries[0].serial_number == str(0x7734)


def test_dmidecode_on_power_supplies() -> None:
    tests = expected(f"{GENERIC}dmidecode__psu")["tests"]
    for name, theirs in recorded(tests):
        for ours, supply in zip(machine(name).power_supplies, theirs or [], strict=True):
            assert (ours.name, ours.location) == (supply["NAME"], supply["LOCATION"])
            assert (ours.serial_number, ours.part_number) == (supply["SERIALNUMBER"], supply["PARTNUM"])
            assert ours.power == int(supply["POWER_MAX"])
            assert (ours.hot_replaceable, ours.plugged) == (
                supply["HOTREPLACEABLE"] == "Yes",
                supply["PLUGGED"] == "Yes",
            )
            assert ours.manufacturer == "HP"  # as it says; they spell it out
    found = machine("Dell_R630").power_supplies
    assert [(s.name, s.serial_number, s.power) for s in found] == [
        ("PWR SPLY,750W,RDNT,EMSN", "PH1629862600EB", 750),
        ("PWR SPLY,750W,RDNT,EMSN+", "PH16298624018E", 750),
    ]


def test_dmidecode_on_processors() -> None:
    for name, theirs in recorded(expected("agent__tools__generic")["cpu_tests"]):
        found = machine(name).processor_sockets
        for ours, processor in zip(found, theirs, strict=True):
            get = processor.get
            family = re.sub(r" processor$", "", get("FAMILYNAME") or ours.family)  # dmidecode 2.4 and their fallback
            assert (ours.family, ours.family_number) == (family, get("FAMILYNUMBER") or ""), name
            assert (ours.id, ours.manufacturer) == (get("ID") or "", get("MANUFACTURER") or ""), name
            assert (ours.model_number, ours.stepping) == (get("MODEL") or "", get("STEPPING") or ""), name
            assert str(ours.cores or "") == (get("CORE") or ""), name
            assert str(ours.external_clock // 1_000_000 or "") == (get("EXTERNAL_CLOCK") or ""), name
            model = re.sub(r"\((R|TM|tm)\)", "", ours.model)
            assert not model or model == re.sub(" processor$", "", get("NAME") or ""), name  # else theirs is the family
            if "@" not in model and get("SPEED"):  # they take the rate out of the name
                assert ours.boot_frequency == int(get("SPEED")) * 1_000_000, name
            if get("THREAD"):
                assert ours.threads // ours.cores == int(get("THREAD")), name


def test_every_recording_of_dmidecode_is_read_without_fillers() -> None:
    for path in sorted((corpus("hostcmd") / "resources/generic/dmidecode").rglob("*")):
        if path.is_file():
            text = str(dmidecode.parse(path.read_text(errors="replace"))).lower()
            for filler in ("to be filled", "not specified", "o.e.m.", "sernum0", "default string", "out of spec"):
                assert filler not in text, (path.name, filler)


#: lspci prints hexadecimal, they read decimal digits; and of drivers' names what stands before a hyphen.
def test_lspci() -> None:
    for name, theirs in expected("agent__tools__generic")["lspci_tests"].items():
        found = {
            device.address: device for device in lspci.parse(recording(f"generic/lspci/{name}")).hardware.pci_devices
        }
        assert len(found) == len(theirs)
        for device in theirs:
            ours = found[lspci.address_of(device["PCISLOT"])]
            assert (ours.class_id, f"{ours.vendor_id}:{ours.device_id}") == (device["PCICLASS"], device["PCIID"])
            assert getattr(ours, "class") == device["NAME"]
            named = f"{ours.vendor} {ours.device}".strip() if ours.device else f"{ours.vendor} Device"
            assert named == device["MANUFACTURER"] and ours.vendor
            subsystem = f"{ours.subsystem_vendor_id}:{ours.subsystem_device_id}"
            assert subsystem == device.get("PCISUBSYSTEMID", ":")
            assert ours.driver.partition("-")[0] == (device.get("DRIVER") or ""), ours.address
            assert ours.revision == (device["REV"] or "") or not ours.revision.isdigit()


def test_lspci_on_video_controllers() -> None:
    for name, theirs in expected(f"{GENERIC}pci__videos")["tests"].items():
        found = {
            device.address: device for device in lspci.parse(recording(f"generic/lspci/{name}")).hardware.pci_devices
        }
        videos = [device for device in found.values() if device.class_id.startswith("03")]
        assert len(videos) == len(theirs)
        for video in theirs:
            ours = found[lspci.address_of(video["PCISLOT"])]
            assert ours.memory >> 20 == int(video["MEMORY"])
            chip, _, model = ours.device.partition(" [")
            assert f"{ours.vendor} {chip}" == video["CHIPSET"]
            assert video["NAME"].endswith(model.rstrip("]"))
            assert ours.subsystem.split(" ")[0] == video["NAME"].split(" ")[0]
    for name, theirs in expected(f"{GENERIC}pci__sounds")["tests"].items():
        devices = lspci.parse(recording(f"generic/lspci/{name}")).hardware.pci_devices
        sounds = [device for device in devices if device.class_id in ("0401", "0403")]
        assert [f"{device.vendor} {device.device}" for device in sounds] == [sound["MANUFACTURER"] for sound in theirs]


def test_lsusb() -> None:
    (device,) = lsusb.parse(recording("generic/lsusb/ubuntu-bar-code-scanner")).hardware.usb_devices
    assert (device.path, device.vendor_id, device.product_id) == ("002:018", "05e0", "1200")
    assert (device.product, device.release) == ("Symbol Bar Code Scanner", "2.01")
    assert device.serial_number == "S/N:28A1CC69D1D8AE4585EDA53F7CD6CB88 Rev:NBRMSAAHDM:"


def test_cpuinfo() -> None:
    for theirs in expected("tasks__inventory__linux__cpu").values():
        for name, processors in theirs.items():
            try:
                text = recording(f"linux/proc/cpuinfo/{name}")
            except FileNotFoundError:
                continue
            ours = cpuinfo.parse(text).hardware
            first = processors[0]
            get = first.get
            if first["ARCH"] == "i386":
                assert ours.processors.model == get("NAME"), name
                assert ours.processors.sockets == len(processors), name
                assert ours.processors.cores == sum(int(p["CORE"]) for p in processors), name
                told = (str(get("FAMILYNUMBER")), str(get("MODEL")), str(get("STEPPING")))
                assert (ours.processors.family, ours.processors.model_number, ours.processors.stepping) == told, name
            elif first["ARCH"] in ("arm", "aarch64"):
                # Where Arm's number has a name that is the model; their name of the last one is a number.
                assert ours.processors.model in (get("NAME"), "ARM1176", "Cortex-A53"), name
                assert ours.processors.threads == len(processors), name
            else:
                assert ours.processors.model == get("NAME") or first["ARCH"] == "alpha", name
            if first["ARCH"] in ("alpha", "powerpc"):
                assert ours.processors.max_frequency == int(get("SPEED")) * 1_000_000, name
            if get("SERIAL"):
                assert [socket.serial_number for socket in ours.processor_sockets] == [get("SERIAL")]


def test_cpuinfo_of_every_architecture() -> None:
    def of(name: str) -> tuple[int, str]:
        found = cpuinfo.parse(recording(f"linux/proc/cpuinfo/{name}")).hardware.processors
        return found.threads, found.model

    assert of("linux-alpha-1") == (3, "EV68CB")
    assert of("linux-ia64-1") == (2, "Itanium 2")
    assert of("linux-mips-1") == (1, "R4400SC V5.0 FPU V0.0")
    assert of("linux-sparc-1") == (2, "TI UltraSparc IIIi (Jalapeno)")
    assert of("linux-ppc-2") == (2, "POWER4+ (gq)")
    assert of("linux-armel-1") == (1, "XScale-80219 rev 0 (v5l)")


def test_cpuinfo_on_arm_boards() -> None:
    for name, (told, theirs) in expected("tasks__inventory__linux__arm__board")["arm"].items():
        if "not-a-board" in told:
            assert not cpuinfo.parse(recording(f"linux/proc/cpuinfo/{name}")).hardware.HasField("system")
            continue
        ours = cpuinfo.parse(recording(f"linux/proc/cpuinfo/{name}")).hardware
        assert ours.system.product == theirs["MMODEL"]
        assert ours.system.serial_number == theirs["SSN"].strip("0") or ours.system.serial_number == theirs["SSN"]
        assert ours.board.version == theirs["MSN"] or not theirs["MSN"].strip(
            "0"
        )  # they take the revision for a serial


def test_ipmitool_on_memory() -> None:
    for name in expected(f"{GENERIC}ipmi__fru_memories")["tests"]:
        found = ipmitool_fru.parse(recording(f"generic/ipmitool/fru/{name}")).hardware
        # Their table is dmidecode's, which the BMC's has added to: only what is filled in by both can be compared.
        theirs = expected(f"{GENERIC}ipmi__fru_memories")["tests"][name]
        serials = {module["SERIALNUMBER"].lower(): module for module in theirs if module.get("SERIALNUMBER")}
        for module in found.memory.modules:
            same = serials[module.serial_number.lower()]
            assert (module.size >> 20, module.part_number) == (int(same["CAPACITY"]), same["MODEL"])
            assert module.type == same["TYPE"]
        assert found.system.serial_number in ("2WF88P2", "USE2236835")


def test_upower() -> None:
    for name, theirs in expected(f"{GENERIC}batteries__upower")["testUpowerInfos"].items():
        (ours,) = upower.parse(recording(f"generic/batteries/upower/{name}")).hardware.batteries
        assert (ours.model, ours.manufacturer) == (theirs["NAME"], theirs.get("MANUFACTURER", ""))
        assert (ours.capacity, ours.chemistry) == (int(theirs["CAPACITY"]), theirs["CHEMISTRY"])
        assert ours.serial_number == (str(theirs["SERIAL"]) if theirs["SERIAL"] else "")


def test_every_display_says_who_made_it() -> None:
    found = {}
    for path in sorted((corpus("hostcmd") / "resources/generic/edid").iterdir()):
        display = parse_edid(path.read_bytes(), path.name)
        assert display is not None and len(display.manufacturer) == 3 and display.model, path.name
        assert display.model.isprintable() and display.serial_number.isprintable()
        found[path.name] = display
    dell = found["lcd.dell-U2415"]
    assert (dell.manufacturer, dell.model, dell.serial_number) == ("DEL", "DELL U2415", "7MT019AI34EU")
    assert (dell.manufactured, dell.resolution, dell.width, dell.height) == ("2019-W42", "1920x1200", 518, 324)
    assert found["aic-e-191"].serial_number == "1409"
    assert found["lcd.dell-inspiron-6400"].manufactured == "2005"


@pytest.mark.parametrize(
    "parse",
    [ddcprobe.parse, dmidecode.parse, lspci.parse, lsusb.parse, cpuinfo.parse, ipmitool_fru.parse, upower.parse],
)
@pytest.mark.parametrize("junk", ["", "\0\xff" * 1000, "command not found\n", "a: b\n" * 1000])
def test_what_is_no_such_output_is_said(parse: Any, junk: str) -> None:
    with pytest.raises(UnreadableError):
        parse(junk)


OUTPUTS = {
    dmidecode.parse: "generic/dmidecode",
    lspci.parse: "generic/lspci",
    lsusb.parse: "generic/lsusb",
    cpuinfo.parse: "linux/proc/cpuinfo",
    ipmitool_fru.parse: "generic/ipmitool/fru",
    upower.parse: "generic/batteries/upower",
}


@pytest.mark.parametrize("parse", OUTPUTS)
def test_cut_and_garbled_outputs_break_nothing(parse: Any) -> None:
    paths = [path for path in (corpus("hostcmd") / "resources" / OUTPUTS[parse]).rglob("*") if path.is_file()]
    for path in sorted(paths)[:12]:
        text = Path(path).read_text(errors="replace")
        for number, cut in enumerate(range(0, len(text), max(1, len(text) // 17))):
            for garbled in (text[:cut], text[cut:], text[:cut] + "\x00\u00b2: 99999999999999999999 GB\n" + text[cut:]):
                try:
                    parse(garbled if number % 2 else garbled.replace(": ", ":\t99999999999999999999 "))
                except UnreadableError:
                    continue


def test_ddcprobe() -> None:
    for name, theirs in expected("tasks__inventory__linux__video")["ddcprobe"].items():
        (ours,) = ddcprobe.parse(recording(f"linux/ddcprobe/{name}")).hardware.displays
        assert f"{ours.manufacturer}{ours.product_code}" == theirs["eisa"]
        assert ours.model == theirs.get("monitorname", theirs.get("monitorid"))
        assert ours.serial_number == theirs.get("monitorserial", "")
        week, year = theirs["manufacture"].split()
        assert ours.manufactured == f"{year}-W{int(week):02}"
        assert f"{ours.width // 10} {ours.height // 10}" == theirs["screensize"]
        assert ours.resolution == theirs["dtiming"].partition("@")[0]


@pytest.mark.parametrize("parse", OUTPUTS)
def test_numbers_that_are_none_break_nothing(parse: Any) -> None:
    other_digits = str.maketrans("0123456789", "\u0660\u0661\u0662\u00b3\u2074\u0665\u0666\u0667\u0668\u0669")
    paths = [path for path in (corpus("hostcmd") / "resources" / OUTPUTS[parse]).rglob("*") if path.is_file()]
    for path in sorted(paths)[:12]:
        text = path.read_text(errors="replace")[:20000]
        for other in (
            text.translate(other_digits),
            text.replace("1", "9" * 5000),
            text.replace("0", "9" * 30),
            text[::-1],
        ):
            try:
                parse(other)
            except UnreadableError:
                continue
