"""What makes two hosts' events one cause, and what does not."""

from driftline_baseline.compare import Difference
from driftline_baseline.grouping import cause_of

SETTING = Difference("os.sysctls[vm.swappiness].value", "changed", '"60"', '"1"', "warning", "")


def user(seal: str) -> Difference:
    actual = f'{{"password":"{seal}","uid":1000}}'
    return Difference("accounts.users[eve]", "unexpected", None, actual, "warning", "")


def test_the_same_secret_sealed_by_two_hosts_is_one_cause() -> None:
    one, other = user("sealed:01234567:" + "a" * 64), user("sealed:89abcdef:" + "b" * 64)
    assert cause_of([one], None).key == cause_of([other], None).key
    assert cause_of([one], None).key != cause_of([SETTING], None).key
