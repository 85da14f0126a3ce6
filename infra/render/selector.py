"""The app's label selector → the LabelSelector object that custom resources take.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/label-selector/
"""

from typing import Any

from shared.label_selector import LabelSelector, Operator

_OPERATORS = {
    Operator.IN: "In",
    Operator.NOT_IN: "NotIn",
    Operator.EXISTS: "Exists",
    Operator.ABSENT: "DoesNotExist",
}


def selector_object(selector: LabelSelector) -> dict[str, Any]:
    """`matchExpressions` in an order of their own, since equal selectors may have been written in any order."""
    requirements = sorted(selector.requirements, key=lambda each: (each.key, each.operator.name, sorted(each.values)))
    return {
        "matchExpressions": [
            {
                "key": each.key,
                "operator": _OPERATORS[each.operator],
                **({"values": sorted(each.values)} if each.values else {}),
            }
            for each in requirements
        ]
    }
