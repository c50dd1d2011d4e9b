"""The trusted platform module. Source: /sys/class/tpm, SMBIOS type 43."""

import re

from driftline_agent import smbios_facts, smbios_records
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/class/tpm/tpm0"


def parse_caps(text: str) -> tuple[str, str, str]:
    """Return maker, version and firmware out of the kernel's ``caps`` of a TPM 1.2."""
    found = dict(re.findall(r"^(Manufacturer|TCG version|Firmware version): (\S+)\s*$", text, re.MULTILINE))
    code = found.get("Manufacturer", "")
    maker = bytes.fromhex(code[2:]).decode("latin-1").strip("\0 ") if re.fullmatch(r"0x[0-9a-f]{8}", code) else ""
    return maker if maker.isprintable() else "", found.get("TCG version", ""), found.get("Firmware version", "")


def collect(host: Host) -> Reading:
    """Read what kernel and firmware say of it; the firmware's part is for root only."""
    reading = Reading()
    tpm = reading.facts.hardware.tpm
    try:
        _, records = smbios_records.read(host)
        smbios_facts.tpm(records, tpm)
    except UnreadableError as error:
        for field in ("manufacturer", "firmware", "description"):
            reading.unreadable[f"hardware.tpm.{field}"] = str(error)
    major = host.line(f"{_FOLDER}/tpm_version_major")
    if major == "2":
        tpm.version = "2.0"
    elif host.exists(f"{_FOLDER}"):
        maker, version, firmware = parse_caps(host.read(f"{_FOLDER}/device/caps") or host.read(f"{_FOLDER}/caps") or "")
        tpm.manufacturer = maker or tpm.manufacturer
        tpm.version = version or ("1.2" if major == "1" else tpm.version)
        tpm.firmware = firmware or tpm.firmware
    return reading


TOPIC = Topic(
    revision=1,
    fills=("hardware.tpm",),
    collect=collect,
    applies=lambda host: host.exists(_FOLDER),
)
