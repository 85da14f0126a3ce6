"""Wheels for tests of the package: made up ones, and the installed packages that `function_app` imports, packed again."""

import base64
import hashlib
import re
import zipfile
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

INDEXING = ("azure-functions", "msgspec")
"""What has to be there to import function_app, beside what these require."""


def write_wheel(folder: Path, name: str, version: str, files: Mapping[str, bytes]) -> Path:
    """A wheel for any platform that holds `files` and, unless they bring them, the metadata that a wheel needs."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    wheel = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    content = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        **files,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in content.items())
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in {**content, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            archive.writestr(path, data)
    return wheel


def pinned(*wheels: Path) -> str:
    """A requirements file that pins these wheels by their hashes."""
    return "".join(
        f"{wheel.name.split('-')[0]}=={wheel.name.split('-')[1]} "
        f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
        for wheel in wheels
    )


def wheels_for_indexing(folder: Path) -> list[Path]:
    """Wheels of what `function_app` imports, out of the Python that runs the tests, so that no network is needed."""
    return [_packed(folder, name) for name in sorted(_closure(INDEXING))]


def _closure(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            always = [text for text in distribution(name).requires or () if "extra ==" not in text]
            left += [match.group() for text in always if (match := re.match(r"[\w.-]+", text))]
    return found


def _packed(folder: Path, name: str) -> Path:
    installed = distribution(name)
    files = {
        str(file): Path(str(file.locate())).read_bytes()
        for file in installed.files or ()
        if not str(file).startswith("..") and "__pycache__" not in str(file) and not str(file).endswith("RECORD")
    }
    (metadata,) = [path for path in files if path.endswith(".dist-info/METADATA")]
    # It runs in the Python that runs the tests, whatever that is.
    files[metadata] = re.sub(rb"(?m)^Requires-Python:.*\n", b"", files[metadata])
    return write_wheel(folder, name, installed.version, files)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
