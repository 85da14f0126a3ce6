"""Bytecode, compiled ahead: the package is mounted read-only, so every cold start would compile every module it imports."""

import shutil
import subprocess
import sys
from pathlib import Path

from infra.package.dependencies import PYTHON_VERSION
from infra.package.errors import PackageError

DEPLOYED_AT = "/home/site/wwwroot"
"""Where the package lies in Azure; what a traceback shows of a frame without a file.
Source: https://learn.microsoft.com/azure/azure-functions/run-functions-from-deployment-package"""


def interpreter() -> Path | None:
    """A Python of the version in Azure on this machine; no other writes bytecode that is read there."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    candidate = sys.executable if here == PYTHON_VERSION else shutil.which(f"python{PYTHON_VERSION}")
    # Asked before use: a version manager's shim is there and yet may not run.
    if candidate and not subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode:
        return Path(candidate)
    return None


def compile_all(folder: Path, python: Path) -> None:
    """Compile every module below `folder`, the same way each time. Raises PackageError where one has a syntax error.

    Never checked against the source (PEP 552 "unchecked"): the package is one thing, and its time stamps say nothing. One
    process, names sorted, strings hashed alike: what is shared between modules marks the bytes.
    """
    command = [
        str(python),
        "-S",
        "-P",
        "-m",
        "compileall",
        "-q",
        "-f",
        "-j",
        "1",
        "--invalidation-mode",
        "unchecked-hash",
    ]
    command += ["-r", "100", "-s", str(folder), "-p", DEPLOYED_AT, str(folder)]
    done = subprocess.run(command, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"not every module compiles:\n{done.stdout.strip()}\n{done.stderr.strip()}")
