"""A change that may be made: where, to what, and published by whom. RFCs predict such, standing rules permit them."""

from collections.abc import Callable
from dataclasses import dataclass

from driftline import paths
from driftline.schema import Value
from driftline_baseline.compare import Difference
from driftline_baseline.errors import VersionError
from driftline_baseline.predict import KINDS, Predicate, ecosystem_of, field_of, version
from driftline_baseline.values import Attributes, decode, encode
from driftline_baseline.wording import package_of

#: Kinds of what may be: the predicates, and the ones that look at the value before.
ALLOWED_KINDS = (*KINDS, "upgrade")

#: Tells whether an origin publishes a version of a package: (origin, (manager, name, architecture), version).
Published = Callable[[str, tuple[str, str, str], str], bool]


@dataclass(frozen=True, slots=True)
class Allowed:
    """One line of a plan or rule: what a pattern names may become so.

    ``upgrade`` on a version says that it rises in its ecosystem's order. ``present`` and ``absent`` on elements say
    that such may come or go; ``is`` with attributes, that just this element may come. Predicates on an attribute speak
    of elements that are there before and after ("if installed").
    """

    #: A path, or a pattern with wild cards for a whole wave.
    path: str
    kind: str
    operand: Value | Attributes | None = None
    #: The package version that comes must be published by this origin.
    origin: str | None = None

    @property
    def exact(self) -> bool:
        """Whether it names one place: then it can be waited for, and other values there are on their way."""
        return not any(mark in self.path.replace("\\*", "").replace("\\?", "") for mark in "*?")

    def names(self, path: str) -> bool:
        """Tell whether a difference's path is spoken of."""
        if not paths.matches(self.path, path):
            return False
        # a pattern also matches what is below it: an element's line does not speak of its attributes
        return _is_element(path) == _is_element(self.path)

    def fits(self, difference: Difference, published: Published) -> bool:
        """Tell whether a difference is this change."""
        if not self.names(difference.path):
            return False
        after = decode(difference.actual)
        try:
            as_said = self._as_said(difference, after)
        except VersionError:
            return False
        return as_said and (self.origin is None or self._from_origin(difference, after, published))

    def _as_said(self, difference: Difference, after: Value | Attributes | None) -> bool:
        if self.kind == "upgrade":
            before = decode(difference.expected)
            ecosystem = ecosystem_of(difference.path)
            rises = isinstance(before, str) and isinstance(after, str)
            return rises and bool(version(str(after), ecosystem) > version(str(before), ecosystem))
        if _is_element(difference.path) and self.kind == "is":
            return encode(self.operand) == difference.actual
        if _is_element(difference.path) and self.kind not in ("present", "absent"):
            return False
        return Predicate(self.kind, self.operand).holds(difference.path, after)  # type: ignore[arg-type]  # no mapping here

    def _from_origin(self, difference: Difference, after: Value | Attributes | None, published: Published) -> bool:
        package = package_of(difference.path)
        if package is None or self.origin is None:
            return False
        if after is None:
            return True  # what goes is published by nobody
        comes = version_of(after)
        return comes is not None and published(self.origin, package, comes)

    def show(self) -> str:
        """Return it as people read it: ``upgrade from debian-security``."""
        words = self.kind if self.kind == "upgrade" else Predicate(self.kind, self.operand).show()  # type: ignore[arg-type]  # shown only
        return words if self.origin is None else f"{words} from {self.origin}"


def _is_element(pattern: str) -> bool:
    named = field_of(pattern)
    return named is not None and named.message is not None


def version_of(value: Value | Attributes | None) -> str | None:
    """Return the version that a package's element or version attribute has; None where it has none."""
    if isinstance(value, str):
        return value
    found = value.get("version") if isinstance(value, dict) else None
    return None if found is None else str(found)
