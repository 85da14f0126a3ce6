"""Examinations for programs (JSON). For people they are printed by `terminal`."""

from collections.abc import Iterable
from typing import Any

from shared.doctor.check import Check, Examination, Verdict

_ORDER = tuple(Verdict)


def worst(checks: Iterable[Check]) -> Verdict:
    """The verdict on all of them; of none, ok."""
    return max((check.verdict for check in checks), key=_ORDER.index, default=Verdict.OK)


def render_json(examinations: Iterable[Examination]) -> dict[str, Any]:
    """One object per cluster, its checks in their order."""
    return {"clusters": [_cluster_json(each) for each in examinations]}


def _cluster_json(examination: Examination) -> dict[str, Any]:
    return {
        "cluster": examination.cluster,
        "mode": examination.mode,
        "verdict": worst(examination.checks),
        "checks": [
            {
                "code": check.code,
                "verdict": check.verdict,
                "title": check.title,
                "evidence": check.evidence,
                "wayOut": check.way_out,
                "resource": check.resource,
            }
            for check in examination.checks
        ],
    }
