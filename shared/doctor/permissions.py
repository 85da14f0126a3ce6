"""Does a set of roles allow an action: wildcards, and what a role takes away again. Pure.

Source: https://learn.microsoft.com/azure/role-based-access-control/role-definitions#actions
"""

import re
from collections.abc import Iterable

from shared.doctor.facts import Grant


def missing(needed: Iterable[str], grants: Iterable[Grant]) -> tuple[str, ...]:
    """Those of the needed actions that no role allows. What one role excludes another may still allow."""
    roles = tuple(grants)
    return tuple(action for action in needed if not any(_allows(role, action) for role in roles))


def _allows(role: Grant, action: str) -> bool:
    allowed = any(_matches(pattern, action) for pattern in role.actions)
    return allowed and not any(_matches(pattern, action) for pattern in role.not_actions)


def _matches(pattern: str, action: str) -> bool:
    """A `*` stands for any text, slashes included; case does not count."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE) is not None
