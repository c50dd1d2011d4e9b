"""``python -m driftline_agent.firewall``."""

import sys

from driftline_agent.firewall.main import main

sys.exit(main(sys.argv[1:]))
