"""The page as it is sent; how it behaves is tested in a browser (`tests/browser`)."""

import base64
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import shared.page
from shared.page import SCRIPTS, page

FOLDER = Path(shared.page.__file__).parent
SOURCES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".css", ".html", ".js"})


def policy() -> dict[str, list[str]]:
    """Directive → its values."""
    parts = page()[1]["Content-Security-Policy"].split("; ")
    return {words[0]: words[1:] for words in map(str.split, parts)}


def test_style_and_script_are_allowed_by_their_hashes_and_nothing_else_is() -> None:
    document, _ = page()
    inside = {
        f"{tag}-src": re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", document, re.DOTALL) for tag in ("script", "style")
    }
    for directive, (content,) in inside.items():
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy()[directive] == [f"'sha256-{digest}'"]
    assert policy()["default-src"] == ["'none'"]
    assert "unsafe" not in page()[1]["Content-Security-Policy"]


def test_the_page_can_be_neither_framed_nor_sent_nor_kept() -> None:
    _, headers = page()
    for directive in ("frame-ancestors", "base-uri", "form-action"):
        assert policy()[directive] == ["'none'"]
    assert policy()["connect-src"] == ["'self'"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_is_whole_in_itself() -> None:
    document, _ = page()
    addresses = set(re.findall(r"(?:https?:)?//[a-z][\w.-]+", document)) - {"http://www.w3.org"}  # names of SVG
    assert {each for each in addresses if not each.startswith("// ")} == set()
    assert re.findall(r"\s(?:src|srcset|action|integrity)=", document) == []
    assert re.findall(r"""@import|url\(""", document) == []
    assert "/* style */" not in document
    assert "/* script */" not in document


def test_every_source_is_in_the_page_once() -> None:
    document, _ = page()
    assert sorted(SCRIPTS) == [name for name in SOURCES if name.endswith(".js")]
    for name in (*SCRIPTS, "status.css"):
        assert document.count((FOLDER / name).read_text(encoding="utf-8")) == 1


@pytest.mark.parametrize("name", SOURCES)
def test_no_source_makes_markup_of_text_or_runs_any(name: str) -> None:
    source = (FOLDER / name).read_text(encoding="utf-8")
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.srcdoc", source)
        == []
    )
    assert re.findall(
        r"</(?:script|style)|<!--", source.partition("<body>")[2] if name.endswith("html") else source
    ) in (
        [],
        ["</script"],  # the one that ends the script of the document
    )
    assert "\r" not in source


def test_importing_the_page_loads_neither_the_cloud_nor_a_template_engine() -> None:
    code = "import shared.page, sys; shared.page.page(); print(sorted(name.partition('.')[0] for name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not re.search("azure|kubernetes|jinja|msgspec|pydantic", loaded)


def test_the_page_weighs_little() -> None:
    assert len(page()[0].encode()) < 60_000
