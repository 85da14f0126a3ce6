"""`python -m sandbox demo` plays a day; `python -m sandbox up` keeps everything running."""

import sys

from sandbox import demo, keep_running

COMMANDS = {"demo": demo.main, "up": keep_running.main}

if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in COMMANDS:
        sys.exit(f"usage: python -m sandbox {{{','.join(COMMANDS)}}}")
    sys.exit(COMMANDS[name]())
