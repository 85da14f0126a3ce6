"""What a package weighs, as text. Read from the zip itself."""

import hashlib
import zipfile
from collections import Counter
from pathlib import Path

from infra.package.dependencies import SITE_PACKAGES

_LARGEST = 10


def weigh(path: Path) -> str:
    """Size zipped and unzipped, number of files, digest, and the largest packages."""
    zipped, unzipped, files = Counter[str](), Counter[str](), Counter[str]()
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name = _package(entry.filename)
            zipped[name] += entry.compress_size
            unzipped[name] += entry.file_size
            files[name] += 1
    lines = [
        f"{path}  {_mb(path.stat().st_size)} MB zipped, {_mb(unzipped.total())} MB unzipped, {files.total()} files",
        f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}",
        f"{'largest packages':<28}{'zipped':>9}{'unzipped':>11}{'files':>7}",
    ]
    lines += [
        f"  {name:<26}{_mb(size):>6} MB{_mb(unzipped[name]):>8} MB{files[name]:>7}"
        for name, size in zipped.most_common(_LARGEST)
    ]
    return "\n".join(lines)


def _package(name: str) -> str:
    """The package that a file belongs to; `azure` is a namespace of many."""
    parts = name.removeprefix(f"{SITE_PACKAGES}/").split("/")
    if parts[0] != "azure":
        return parts[0].partition(".")[0] if len(parts) == 1 else parts[0]
    depth = 3 if parts[1] in {"mgmt", "storage"} else 2
    return ".".join(parts[:depth])


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}"
