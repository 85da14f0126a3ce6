"""Every check is documented, and has a situation on the wire in which it fails."""

import importlib
import re
from pathlib import Path

from shared.doctor.check import Topic
from shared.doctor.checks_cilium import ASPECTS
from tests.wire.doctor_cases_azure import AZURE_CASES
from tests.wire.doctor_cases_bgp import BGP
from tests.wire.doctor_cases_cluster import CLUSTER_CASES

ROOT = Path(__file__).parents[2]
ROOMS = [f"shared.doctor.{path.stem}" for path in sorted((ROOT / "shared" / "doctor").glob("checks_*.py"))]


def topics() -> dict[str, Topic]:
    found = [
        topic for room in ROOMS for topic in vars(importlib.import_module(room)).values() if isinstance(topic, Topic)
    ]
    found += [aspect.topic for aspect in ASPECTS]
    assert len({topic.code for topic in found}) == len(found)
    return {topic.code: topic for topic in found}


def test_every_code_has_a_situation_that_makes_it_fail() -> None:
    assert {code for case in (*CLUSTER_CASES, *AZURE_CASES, *BGP) for code in case.expected} == set(topics())


def test_every_code_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "doctor.md").read_text()
    checks = text.partition("## Checks")[2].partition("## Permissions")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", checks, re.MULTILINE)) == set(topics())


def test_every_title_says_how_it_should_be() -> None:
    titles = [topic.title for topic in topics().values()]
    assert len(set(titles)) == len(titles)
    assert [title for title in titles if title.endswith((".", ":")) or len(title) > 60] == []
