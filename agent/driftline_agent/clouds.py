"""Clouds, by what firmware says. Source: the makers' documentation, cloud-init's ds-identify(8)."""

from collections.abc import Callable, Mapping

from driftline.v1.facts_pb2 import Cloud

#: Names of files in /sys/class/dmi/id.
FILES = (
    "sys_vendor", "product_name", "product_serial", "product_uuid", "product_version", "chassis_vendor",
    "chassis_asset_tag", "board_asset_tag", "bios_vendor", "bios_version",
)  # fmt: skip

#: File, what it begins with, provider by cloud-init's name, file with the instance's id.
_PROVIDERS = (
    ("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "azure", "product_uuid"),
    ("chassis_asset_tag", "OracleCloud.com", "oracle", ""),
    ("chassis_asset_tag", "ibmcloud", "ibmcloud", ""),
    ("chassis_asset_tag", "OpenTelekomCloud", "openstack", "product_uuid"),
    ("chassis_asset_tag", "SAP CCloud VM", "openstack", "product_uuid"),
    ("chassis_asset_tag", "HUAWEICLOUD", "openstack", "product_uuid"),
    ("chassis_asset_tag", "Samsung Cloud Platform", "openstack", "product_uuid"),
    ("chassis_vendor", "e24cloud", "e24cloud", ""),
    ("product_name", "Google Compute Engine", "gce", ""),
    ("product_name", "OpenStack", "openstack", "product_uuid"),
    ("product_name", "Alibaba Cloud ECS", "aliyun", ""),
    ("product_name", "CloudStack KVM Hypervisor", "cloudstack", "product_uuid"),
    ("product_name", "CloudSigma", "cloudsigma", ""),
    ("product_name", "Exoscale", "exoscale", "product_uuid"),
    ("product_name", "SmartDC", "joyent", "product_uuid"),
    ("sys_vendor", "Amazon EC2", "aws", "board_asset_tag"),
    ("sys_vendor", "DigitalOcean", "digitalocean", "product_serial"),
    ("sys_vendor", "Hetzner", "hetzner", "product_serial"),
    ("sys_vendor", "Vultr", "vultr", "product_serial"),
    ("sys_vendor", "Scaleway", "scaleway", "product_uuid"),
    ("sys_vendor", "UpCloud", "upcloud", "product_serial"),
    ("sys_vendor", "Akamai", "akamai", "product_serial"),
    ("sys_vendor", "Linode", "akamai", "product_serial"),
    ("sys_vendor", "Tencent Cloud", "tencent", ""),
    ("sys_vendor", "Alibaba Cloud", "aliyun", ""),
    ("sys_vendor", "Huawei Cloud", "openstack", "product_uuid"),
    ("sys_vendor", "OpenStack Foundation", "openstack", "product_uuid"),
    ("sys_vendor", "RDO", "openstack", "product_uuid"),
)


def provider_of(texts: Mapping[str, str]) -> tuple[str, str]:
    """Return the provider and the file that has the instance's id; nothing where it is no known cloud."""
    for file, start, name, identity in _PROVIDERS:
        if texts.get(file, "").startswith(start):
            return name, identity
    # The first generation of Amazon's machines is Xen's.
    if texts.get("bios_version", "").endswith(".amazon") or texts.get("hypervisor_uuid", "").lower().startswith("ec2"):
        return "aws", ""
    if texts.get("product_serial", "").endswith(".brightbox.com"):
        return "brightbox", "product_serial"
    return "", ""


def describe(texts: Mapping[str, str], read: Callable[[str], str]) -> Cloud:
    """Return the cloud that firmware tells of.

    :param texts: texts that every user may read, by file.
    :param read: reads a file that only root may read.
    """
    name, identity = provider_of(texts)
    out = Cloud(provider=name)
    if not name:
        return out
    out.instance_id = (texts.get(identity) or read(identity)) if identity else ""
    if identity == "product_uuid":
        out.instance_id = out.instance_id.lower()
    if name == "aws":
        out.instance_id = out.instance_id if out.instance_id.startswith("i-") else ""
        product = texts.get("product_name", "")
        out.instance_type = product if "." in product and "HVM" not in product else ""
    if name == "scaleway":
        out.instance_type = texts.get("product_name", "").removeprefix("SCW-")
    return out
