"""What names in HOST-RESOURCES-MIB hrSWInstalledTable say: net-snmp writes name, version and architecture in one. Pure.

Packages of dpkg and rpm are reported as these managers' own, with the keys that an agent on the host gives them: so a
host that gets an agent later does not have all of its software removed and installed anew, and what is known of a
manager's versions (order, advisories) holds for it. Everything else is of manager ``hr``.
"""

import re
from collections import Counter
from collections.abc import Sequence

from driftline.v1.facts_pb2 import Package

#: deb-control(5), deb-version(7): adduser_3.134_all, bash_5.2.15-2+b8_amd64, automake_1:1.16.5-1.3_all.
_DPKG = re.compile(r"([a-z0-9][a-z0-9+.\-]*)_((?:\d+:)?\d[A-Za-z0-9.+~\-]*)_([a-z0-9][a-z0-9\-]*)")
#: rpm-spec: bash-5.1.8-6.el9.x86_64, and without the architecture, as net-snmp wrote it before 5.9.
_RPM = re.compile(r"([A-Za-z0-9][\w+.\-]*?)-((?:\d+:)?[A-Za-z0-9][\w.+~^]*)-([A-Za-z0-9][\w.+~^]*)")
_RPM_ARCHITECTURE = re.compile(
    r"\.(noarch|x86_64(?:_v\d)?|i[3-6]86|aarch64|armv\w+|ppc64(?:le)?|ppc|s390x?|riscv64|ia64|sparc\w*|mips\w*|src)$"
)
#: Share of a table's names that must have a manager's form, so that all are read by it.
_MOST = 0.8
#: Packages of rpm that are installed in several versions at a time: what `installonlypkg(kernel)` names (dnf.conf(5)).
_SEVERAL = re.compile(
    r"(kernel|kernel-(core|modules|modules-core|modules-extra|devel|debug|uek|default|lt|ml)(-.*)?|gpg-pubkey)"
)


def _dpkg(name: str) -> Package | None:
    found = _DPKG.fullmatch(name)
    return found and Package(manager="dpkg", name=found[1], version=found[2], architecture=found[3])


def _rpm(name: str) -> Package | None:
    architecture = _RPM_ARCHITECTURE.search(name)
    found = _RPM.fullmatch(name[: architecture.start()] if architecture else name)
    if found is None:
        return None
    release = found[3]
    return Package(
        manager="rpm",
        name=found[1],
        version=f"{found[2]}-{release}",
        architecture=architecture[1] if architecture else "",
    )


def packages(names: Sequence[str]) -> list[Package]:
    """Return the packages that names stand for, in their order, with equal keys told apart as rpm's are.

    The manager is the table's, not the row's: one program of Windows that is called foo-1.0-2 is no package of rpm.
    """
    for form in (_dpkg, _rpm):
        found = [form(name) for name in names]
        if names and sum(one is not None for one in found) >= _MOST * len(names):
            break
    else:
        found = [None] * len(names)
    out = [one or Package(manager="hr", name=name) for one, name in zip(found, names, strict=True)]
    times = Counter((one.manager, one.name, one.architecture) for one in out)
    for one in out:
        several = times[one.manager, one.name, one.architecture] > 1 or _SEVERAL.fullmatch(one.name)
        if one.manager == "rpm" and several:
            one.architecture = f"{one.architecture}@{one.version}"
    return out
