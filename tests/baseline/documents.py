"""Random baseline documents that are right."""

from hypothesis import strategies as st

from driftline_baseline.document import Document, Expectation, Selector
from driftline_baseline.predict import Predicate

VERSION = "software.packages[dpkg/{}/*].version"
NUMBER = "hardware.memory.installed"
SYSCTL = "os.sysctls[{}].value"
LIST = "accounts.groups[{}].members"
TEXTS = st.sampled_from(["0", "1", "60", "yes", "a: b", "[x]", "# no", "ü", "true", "null", "1.10", " padded ", "-"])
NAMES = st.sampled_from(["openssl", "bash", "a*", "net.ipv4.ip_forward", "vm.*", "o?d"])
VERSIONS = st.sampled_from(["1", "1.2", "1.10", "3.0.11-1~deb12u2", "2:1.0", "9"])
NUMBERS = st.integers(0, 10**12)
SEVERITY = st.sampled_from(["info", "warning", "critical"])


def some(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


@st.composite
def ranges(draw: st.DrawFn) -> Predicate:
    low, more = draw(NUMBERS), draw(NUMBERS)
    return Predicate("range", (low, low + more))


ATTRIBUTE_RULES = st.one_of(
    st.builds(
        lambda name, value: (VERSION.format(name), value),
        NAMES.filter(lambda name: "." not in name),
        st.builds(Predicate, st.sampled_from(["at_least", "at_most", "is"]), VERSIONS),
    ),
    st.builds(
        lambda name, value: (SYSCTL.format(name), value),
        NAMES,
        st.one_of(
            st.builds(Predicate, st.just("is"), TEXTS),
            st.builds(Predicate, st.just("one_of"), some(TEXTS)),
            st.builds(Predicate, st.just("contains"), some(TEXTS)),
            st.builds(Predicate, st.just("matches"), st.sampled_from(["a.*", "[0-9]+", r"\d"])),
        ),
    ),
    st.builds(
        lambda value: (NUMBER, value),
        st.one_of(
            ranges(),
            st.builds(Predicate, st.sampled_from(["at_least", "at_most", "is"]), NUMBERS),
            st.builds(Predicate, st.just("is"), NUMBERS, st.sampled_from([0, 5, 2.5, "5 %", "0.5%"])),
        ),
    ),
    st.builds(
        lambda name, value: (LIST.format(name), value),
        NAMES,
        st.one_of(
            st.builds(Predicate, st.just("is"), some(TEXTS)),
            st.builds(Predicate, st.just("is"), some(TEXTS), st.none(), st.just(False)),
            st.builds(Predicate, st.just("contains"), some(TEXTS)),
        ),
    ),
)
ELEMENT_RULES = st.one_of(
    st.sampled_from([("software.packages[dpkg/auditd/amd64]", Predicate("present"))]),
    st.builds(lambda name: (f"software.packages[dpkg/{name}/*]", Predicate("absent")), NAMES),
    st.sampled_from([("os", None), ("software.packages[dpkg/*/*]", None), ("**", None)]),
)
EXPECTATIONS = st.builds(lambda rule, severity: Expectation(*rule, severity), ATTRIBUTE_RULES | ELEMENT_RULES, SEVERITY)
SELECTORS = st.builds(
    Selector,
    st.dictionaries(st.sampled_from(["ci", "class", "environment", "services"]), some(TEXTS), min_size=1),
    st.dictionaries(st.sampled_from(["role", "tier"]), TEXTS),
    st.dictionaries(st.sampled_from(["os.release.id", "os.sysctls[vm.swappiness].value"]), some(TEXTS))
    | st.dictionaries(st.sampled_from(["hardware.memory.installed"]), some(NUMBERS)),
)
DOCUMENTS = st.builds(
    Document,
    st.sampled_from(["web", "a b", "ü", "1", "true"]),
    SELECTORS,
    st.lists(EXPECTATIONS, max_size=5).map(tuple),
    st.lists(st.sampled_from(["network.interfaces[veth*]", "os.host.name", "**"]), max_size=2).map(tuple),
    st.integers(-5, 100),
    st.booleans(),
)
