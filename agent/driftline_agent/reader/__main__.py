"""``python -m driftline_agent.reader``."""

import sys

from driftline_agent.reader.main import main

sys.exit(main(sys.argv[1:]))
