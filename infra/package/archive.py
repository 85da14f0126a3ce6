"""A folder → a zip whose bytes depend on names and contents alone (and on the version of zlib that packs them)."""

import zipfile
from pathlib import Path
from typing import Final

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold."""

_UNIX: Final = 3
_READABLE_FILE: Final = 0o100644 << 16
"""A regular file that all may read and its owner may write."""


def write_zip(folder: Path, path: Path) -> None:
    """Pack every file of `folder` into the zip at `path`, over one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = _UNIX, _READABLE_FILE
            archive.writestr(entry, (folder / name).read_bytes(), zipfile.ZIP_DEFLATED, 9)
