"""The command: ``eligo`` and ``python -m eligo``."""

import signal
import sys

import eligo


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the command has its own way to end
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return int(eligo._core.command(["eligo", *sys.argv[1:]]))


if __name__ == "__main__":
    sys.exit(main())
