"""How the scripts end where they were given something else than they are for: with a line, not with Python's calls."""
import pathlib
import subprocess
import sys


def guarded(main):
    try:
        main()
    except (OSError, KeyError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: not what this script is for, or not readable: {error}")
