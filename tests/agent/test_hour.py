"""An hour on a host that nobody changes: nothing that drifts may be other afterwards (design section 8, number 2)."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.site import needs_root

ROOT = Path(__file__).parents[2]
#: A host that has this machine's kernel and programs, and nothing else of it: what it writes stays in memory.
_HOST = """
set -e
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /mnt
for part in etc var usr run; do
    mkdir -p /mnt/$part/upper /mnt/$part/work
    mount -t overlay overlay -o lowerdir=/$part,upperdir=/mnt/$part/upper,workdir=/mnt/$part/work /$part
done
mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns
hostname idle && echo idle >/etc/hostname
exec "$@"
"""
#: Whose lines are written in another order: that their content is another is true, and all that is said of it.
_REORDERED = {f"files.files[\\/etc\\/{name}]" for name in ("passwd", "group", "shadow")}


def test_an_hour_by_itself_changes_nothing() -> None:
    needs_root()
    spaces = ["unshare", "--uts", "--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"]
    command = [*spaces, "sh", "-c", _HOST, "sh", sys.executable, "-m", "tests.agent.hour.inside"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    turns = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    (upgraded,) = (turn["upgraded"] for turn in turns if "upgraded" in turn)
    assert upgraded == {}
    turns = [turn for turn in turns if "turn" in turn]
    assert [turn["turn"] for turn in turns] == [*range(1, 13), 0]
    false = [
        f"turn {turn['turn']}: {path}: {before} -> {after}"
        for turn in turns[:-1]
        for path, (before, after) in turn["different"].items()
        if path not in _REORDERED
    ]
    assert false == []
    assert [turn["unread"] for turn in turns[:-1]] == [{}] * 12
    # The last ones are changes by hand, so that this test is known to see them.
    seen = turns[-1]["different"]
    assert "files.files[\\/etc\\/hostname]" in seen and "accounts.users[newcomer]" in seen
    assert "network.routes[192.0.2.0\\/24/main/0/198.51.100.1/eth0]" in seen and "network.interfaces[eth0]" in seen
    assert "os.sysctls[net.ipv4.ip_forward]" in seen and "network.firewall.chains[inet/own/input]" in seen
