"""`driftline up` where something is in its way."""

import socket
import subprocess
from pathlib import Path

from tests.support.site import BIN, Site


def test_a_taken_port_is_named_with_the_mend(tmp_path: Path) -> None:
    here = Site(tmp_path)
    with socket.create_server(("127.0.0.1", here.report)):
        arguments = ["up", "--data", str(here.data)]
        for name in ("web", "enrol", "report", "metrics"):
            arguments += [f"--{name}", f"127.0.0.1:{getattr(here, name)}"]
        done = subprocess.run([BIN / "driftline", *arguments], env=here.environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"cannot listen at 127.0.0.1:{here.report}" in done.stderr
    assert "--report HOST:PORT" in done.stderr
