"""What makes two hosts' events one cause, and what does not."""

from driftline_baseline.compare import Difference
from driftline_baseline.evidence import HostAct
from driftline_baseline.grouping import cause_of

ACT = HostAct(1, "apt", "apt-get upgrade", "patch", 0, 10)
SETTING = Difference("os.sysctls[vm.swappiness].value", "changed", '"60"', '"1"', "warning", "")
PACKAGE = Difference("software.packages[dpkg/sl/amd64]", "unexpected", None, '{"version":"1"}', "warning", "")


def user(seal: str) -> Difference:
    actual = f'{{"password":"{seal}","uid":1000}}'
    return Difference("accounts.users[eve]", "unexpected", None, actual, "warning", "")


def test_what_only_happened_while_a_transaction_ran_is_not_its_doing() -> None:
    assert cause_of([SETTING], ACT) == cause_of([SETTING], None)
    assert cause_of([PACKAGE, SETTING], ACT) == cause_of([PACKAGE], ACT)
    assert cause_of([PACKAGE], ACT).title == "apt-get upgrade, by patch"


def test_the_same_secret_sealed_by_two_hosts_is_one_cause() -> None:
    one, other = user("sealed:01234567:" + "a" * 64), user("sealed:89abcdef:" + "b" * 64)
    assert cause_of([one], None).key == cause_of([other], None).key
    assert cause_of([one], None).key != cause_of([SETTING], None).key
