"""How old something is, the way kubectl's AGE column says it.

Rule: the human-readable durations of k8s.io/apimachinery, two units where the smaller still says something:
https://pkg.go.dev/k8s.io/apimachinery/pkg/util/duration#HumanDuration
"""

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 365 * 86_400

# Below `until` seconds, count in `unit`, and name the rest in `rest` units where there is one.
_STEPS = (
    (2 * _MINUTE, (1, "s"), None),
    (10 * _MINUTE, (_MINUTE, "m"), (1, "s")),
    (3 * _HOUR, (_MINUTE, "m"), None),
    (8 * _HOUR, (_HOUR, "h"), (_MINUTE, "m")),
    (2 * _DAY, (_HOUR, "h"), None),
    (8 * _DAY, (_DAY, "d"), (_HOUR, "h")),
    (2 * _YEAR, (_DAY, "d"), None),
    (8 * _YEAR, (_YEAR, "y"), (_DAY, "d")),
)


def human_age(seconds: float) -> str:
    """`12s`, `5m30s`, `4h`, `3d2h`, `2y11d`; `<invalid>` for what lies more than a second ahead."""
    whole = int(seconds)
    if whole < 0:
        return "<invalid>" if whole < -1 else "0s"
    for until, (unit, letter), rest in _STEPS:
        if whole < until:
            small = whole % unit // rest[0] if rest else 0
            return f"{whole // unit}{letter}" + (f"{small}{rest[1]}" if rest and small else "")
    return f"{whole // _YEAR}y"
