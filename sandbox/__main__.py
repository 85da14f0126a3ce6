"""`python -m sandbox demo` plays a day; `python -m sandbox up` keeps everything running, in the mode of `--mode`."""

import argparse
import sys

from sandbox import demo, keep_running


def main() -> int:
    """The command that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m sandbox")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="play a day in a cluster's life, and check every claim")
    up = commands.add_parser("up", help="keep cluster, Azure and app running")
    up.add_argument("--mode", choices=list(keep_running.MODES), default="udr", help="how Azure is told where pods are")
    arguments = parser.parse_args()
    return demo.main() if arguments.command == "demo" else keep_running.main(arguments.mode)


if __name__ == "__main__":
    sys.exit(main())
