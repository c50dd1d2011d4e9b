"""What the provider of a rented machine says of it. Source: cloud-init's /run/cloud-init/instance-data.json, else DMI.

No metadata service is asked: cloud-init asked it when the machine started. The file that every user may read has no
secrets; cloud-init takes them out.
"""

import json
import re
from typing import Any

from driftline.v1.facts_pb2 import Cloud
from driftline_agent import clouds
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/run/cloud-init"
_DATA = f"{_FOLDER}/instance-data.json"
#: What Google's guest agent keeps of the instance that it last ran on.
_GOOGLE = "/etc/default/instance_configs.cfg"
_DMI = "/sys/class/dmi/id"
_HYPERVISOR = "/sys/hypervisor/uuid"
#: Sources of cloud-init's data that are no provider.
_NO_PROVIDERS = frozenset(
    {"", "none", "unknown", "nocloud", "configdrive", "lxd", "ovf", "vmware", "maas", "wsl", "fallback"}
)
_DEEPEST = 8
_LONGEST = 1 << 20

#: Where in ``ds`` each provider's own words stand; the first that is there counts.
_TYPES = (
    "meta_data.instance-type", "dynamic.instance-identity.document.instanceType", "meta_data.imds.compute.vmSize",
    "meta_data.instance_type", "meta_data.shape", "ec2_metadata.instance-type", "meta_data.commercial_type",
    "meta_data.machine-type", "meta_data.plan", "meta_data.instance.instance-type", "meta_data.type",
)  # fmt: skip
_IMAGES = (
    "meta_data.ami-id", "dynamic.instance-identity.document.imageId", "ec2_metadata.ami-id", "meta_data.image-id",
    "meta_data.image_id", "meta_data.image", "meta_data.image.id",
)  # fmt: skip
_ACCOUNTS = (
    "dynamic.instance-identity.document.accountId", "meta_data.imds.compute.subscriptionId", "meta_data.project_id",
    "meta_data.project-id", "meta_data.owner-account-id", "meta_data.tenantId", "meta_data.compartmentId",
    "meta_data.organization",
)  # fmt: skip
_REGIONS = ("meta_data.placement.region", "meta_data.imds.compute.location", "meta_data.region", "meta_data.region-id")
_ZONES = (
    "meta_data.placement.availability-zone", "meta_data.imds.compute.zone", "meta_data.availability_zone",
    "meta_data.availability-zone", "meta_data.zone-id", "meta_data.availabilityDomain",
)  # fmt: skip
_IMAGE_PARTS = ("publisher", "offer", "sku", "version")


def _at(data: Any, path: str) -> Any:
    for name in path.split(".", _DEEPEST):
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _text(value: Any) -> str:
    """Return a value as text, where it is a plain one that says something."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = str(value).strip()
    return "" if text.lower() in ("", "none", "null", "unknown") or len(text) > 256 or "redacted" in text else text


def _first(data: Any, *paths: str) -> str:
    return next((text for path in paths if (text := _text(_at(data, path)))), "")


def parse_instance_data(text: str) -> Cloud:
    """Return what cloud-init found; nothing where it is none of a provider's."""
    out = Cloud()
    try:
        data = json.loads(text[:_LONGEST])
    except (ValueError, RecursionError):
        return out
    provider = _text(_at(data, "v1.cloud_name") or _at(data, "v1.cloud-name")).lower()
    if provider in _NO_PROVIDERS:
        return out
    told = _at(data, "ds")
    out.provider = {"ec2": "aws"}.get(provider, provider)
    out.instance_id = _first(data, "v1.instance_id", "v1.instance-id")
    out.region = _first(data, "v1.region") or _first(told, *_REGIONS)
    out.zone = _first(data, "v1.availability_zone", "v1.availability-zone") or _first(told, *_ZONES)
    out.instance_type = _first(told, *_TYPES)
    out.account = _first(told, *_ACCOUNTS)
    out.image = _first(told, *_IMAGES)
    reference = _at(told, "meta_data.imds.compute.storageProfile.imageReference")
    if not out.image and isinstance(reference, dict):
        out.image = _text(reference.get("id")) or ":".join(
            filter(None, (_text(reference.get(part)) for part in _IMAGE_PARTS))
        )
    return out


def _by_cloud_init(host: Host) -> Cloud:
    """Return what stands in cloud-init's file; read again only where it was written anew.

    :raises UnreadableError: while cloud-init is at work after the start of the machine: what is there is not all.
    """
    if host.exists(f"{_FOLDER}/enabled") and not host.exists(f"{_FOLDER}/result.json"):
        raise UnreadableError(f"{_FOLDER}: cloud-init has not finished yet")
    found = host.stat(_DATA)
    if found is None:
        return Cloud()
    state = found.st_ino, found.st_mtime_ns, found.st_size
    known: tuple[tuple[int, int, int], Cloud] | None = host.kept.get("cloud")
    if known is None or known[0] != state:
        known = host.kept["cloud"] = (state, parse_instance_data(host.read(_DATA) or ""))
    return known[1]


def _by_dmi(host: Host, reading: Reading) -> Cloud:
    public = [file for file in clouds.FILES if file not in ("product_serial", "product_uuid")]
    texts = {file: host.line(f"{_DMI}/{file}") or "" for file in public}
    texts["hypervisor_uuid"] = host.line(_HYPERVISOR) or ""

    def read(file: str) -> str:
        return reading.text("hardware.cloud.instance_id", lambda: host.line(f"{_DMI}/{file}"))

    found = clouds.describe(texts, read)
    if found.provider == "gce":
        text = reading.text("hardware.cloud.instance_id", lambda: host.read(_GOOGLE))
        match = re.search(r"^instance_id *= *(\d+) *$", text, re.MULTILINE)
        found.instance_id = match[1] if match else ""
    return found


def collect(host: Host) -> Reading:
    """Read what cloud-init and firmware say."""
    reading = Reading()
    cloud = _by_dmi(host, reading)
    try:
        told = _by_cloud_init(host)
    except UnreadableError as error:
        told = Cloud()
        fields = ("region", "zone", "image", "account", "instance_type")
        reading.unreadable.update({f"hardware.cloud.{field}": str(error) for field in fields})
    if told.provider:
        reading.unreadable.clear()
    for field in Cloud.DESCRIPTOR.fields:
        value = getattr(told, field.name) or getattr(cloud, field.name)
        if value:
            setattr(reading.facts.hardware.cloud, field.name, value)
    return reading


TOPIC = Topic(
    revision=1,
    fills=("hardware.cloud",),
    collect=collect,
    applies=lambda host: any(map(host.exists, (_DMI, _HYPERVISOR, _DATA))),
    watches=(_FOLDER,),
)
