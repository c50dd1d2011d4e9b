"""What production asks of a CI before it may enter, as a document.

environments: [production, prod]  # values of a CI's environment that are production, whatever its status
baseline: when used               # always; when used: once any baseline is in force; never
release: when used                # always; when used: once there is any release; never
"""

import re
from dataclasses import dataclass

from driftline import paths
from driftline_baseline.document import Document
from driftline_baseline.yaml_reader import YamlReader, compose

WHEN = ("always", "when used", "never")
DEFAULT = "environments: [production, prod]\nbaseline: when used\nrelease: when used\n"
#: Status of a CI that is in production, whatever its environment.
STATUS = "in production"

_SOFTWARE = "software.packages"
_NAMES = ("environments", "baseline", "release")


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What production asks for."""

    environments: tuple[str, ...]
    baseline: str
    release: str

    def is_production(self, environment: str | None) -> bool:
        """Tell whether an environment is production."""
        return environment is not None and environment in self.environments


def parse(text: str, source: str = "gate policy") -> GatePolicy:
    """Read a policy.

    :raises DocumentError: where it breaks its rules; the message names line, column and the mend.
    """
    reader = YamlReader(source)
    root = compose(text, source, "a gate policy has environments, baseline and release")
    found = reader.mapping(root, "policy", _NAMES)
    reader.need(root, found, "policy", _NAMES)
    return GatePolicy(
        reader.texts(found["environments"], "environments"),
        reader.one_of(found["baseline"], "baseline", WHEN),
        reader.one_of(found["release"], "release", WHEN),
    )


def watches_software(document: Document) -> bool:
    """Tell whether a document watches the packages of a host: some, or all, and does not ignore them all."""
    if document.rules.ignores(_SOFTWARE):
        return False
    return document.rest or any(_meets_software(item.element) for item in document.expect)


def _meets_software(pattern: str) -> bool:
    outside = re.sub(r"\[(?:[^\]\\]|\\.)*\]", "", pattern)
    if outside == _SOFTWARE:
        return True
    return paths.matches(pattern, f"{_SOFTWARE}[dpkg/any/amd64]")
