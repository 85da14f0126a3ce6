"""The pinned packages, installed for the platform in Azure whatever the machine is that builds."""

import subprocess
import sys
from pathlib import Path

from infra.package.errors import PackageError

PYTHON_VERSION = "3.13"
"""Of the Function App; the template sets the same (`functionAppConfig.runtime.version`)."""

PLATFORM = "x86_64-manylinux_2_28"
"""glibc 2.28 or newer; the images of Python 3.13 are Debian 12, which has 2.36.
Source: https://github.com/Azure/azure-functions-docker/tree/dev/host/4/bookworm/python/python313"""

SITE_PACKAGES = ".python_packages/lib/site-packages"
"""Where the worker looks. Source: https://learn.microsoft.com/azure/azure-functions/python-build-options"""


def install(requirements: Path, target: Path, *, wheels: Path | None = None) -> None:
    """Install exactly what `requirements` pins, wheels only, each checked against its hashes, into `target`.

    `wheels` is a folder to take them from in place of the package index. Raises PackageError where a pin has no hash, a
    wheel has another one, a dependency is not pinned, or there is no wheel for the platform.
    """
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"]
    command += ["--python-platform", PLATFORM, "--python-version", PYTHON_VERSION, "--link-mode", "copy"]
    command += ["--target", str(target), "--requirements", str(requirements)]
    if wheels is not None:
        command += ["--no-index", "--find-links", str(wheels)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # our own uv
    if done.returncode:
        raise PackageError(
            f"{requirements.name} cannot be installed for Python {PYTHON_VERSION} on {PLATFORM}; "
            f"`make lock` writes pins with hashes. uv says:\n{done.stderr.strip()}"
        )
