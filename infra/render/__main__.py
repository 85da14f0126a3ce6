"""`python -m infra.render --clusters clusters.yaml --network network.yaml --out rendered` writes; with --check it compares."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.render.files import differences, render, write
from infra.render.inputs import Inputs, read_inputs
from shared.errors import ConfigError


def main(arguments: Sequence[str]) -> int:
    """0 when the folder holds the rendering; 1 when --check found a difference, or the inputs are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.render", description="Render reflectors and Cilium for a cluster."
    )
    parser.add_argument(
        "--clusters",
        default=os.environ.get("AKS_POD_ROUTES_CLUSTERS", ""),
        help="the app's clusters: a file or JSON; default: AKS_POD_ROUTES_CLUSTERS",
    )
    parser.add_argument("--network", type=Path, required=True, help="the network file; see infra/cilium/README.md")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the folder differs")
    given = parser.parse_args(arguments)
    try:
        inputs = read_inputs(given.clusters, given.network.read_text(encoding="utf-8"))
    except ConfigError as error:
        return _fail(*error.problems)
    except (OSError, UnicodeDecodeError) as error:
        return _fail(f"--network: {given.network} cannot be read: {error}")
    files = render(inputs)
    different = differences(files, given.out)
    if given.check:
        return (
            _fail(*(f"{given.out / name}: differs from the inputs; render again" for name in different))
            if different
            else 0
        )
    write(files, given.out)
    _say(inputs)
    for name in files:
        sys.stdout.write(f"{given.out / name}{'' if name in different else '  (unchanged)'}\n")
    return 0


def _say(inputs: Inputs) -> None:
    """What a person should know about a rendering that is correct and yet not what most want."""
    if inputs.bgp and len(inputs.bgp.reflectors) == 1:
        sys.stderr.write("one reflector: while it is away, the hub has no pod routes; give two addresses\n")
    if inputs.bgp and not inputs.bgp.reflectors:
        sys.stderr.write(
            "no reflectors: a node announces only its own pods, so every node must carry the label, 8 at most\n"
        )


def _fail(*problems: str) -> int:
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
