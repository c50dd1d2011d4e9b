"""Where the command `driftline` starts: says what is missing where only the agent is installed."""

import sys


def main() -> int:
    """Run the command line."""
    try:
        from driftline_server.cli.main import main as run
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"driftline: {error.name} is not installed: this is an agent's installation. "
            "For the command line and the server type: pip install 'driftline[server]'\n"
        )
        return 1
    run()
    return 0
