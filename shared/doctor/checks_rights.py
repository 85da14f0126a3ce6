"""What keeps the app's identity from its work: management locks and missing permissions. Nothing is tried by writing."""

from collections.abc import Iterator

from shared.doctor.check import Check, Topic
from shared.doctor.facts import Facts, Lock
from shared.doctor.permissions import missing
from shared.doctor.unknown import Unknown

LOCKS = Topic("locks", "No management lock is in the way")
PERMISSIONS = Topic("permissions", "The app's identity has the permissions it needs")

_READ_ONLY, _NO_DELETE = "readonly", "cannotdelete"


def rights_checks(facts: Facts) -> Iterator[Check]:
    """Per resource that is written, or asked for something else than reading. What is not there is told where it is read."""
    for resource, locks in facts.locks.items():
        if not isinstance(locks, Unknown):
            yield _locks(facts, resource, locks)
        elif not locks.absent:
            yield LOCKS.unknown(locks)
    for held in facts.rights:
        if isinstance(held.grants, Unknown):
            if not held.grants.absent:
                yield PERMISSIONS.unknown(held.grants)
            continue
        lacking = missing(held.needed, held.grants)
        if not lacking:
            yield PERMISSIONS.ok(f"all {len(held.needed)} actions on {held.resource.rpartition('/')[2]}", held.resource)
            continue
        evidence = f"not granted on {held.resource}: {', '.join(lacking)}"
        way_out = "assign the role of the app that has them (infra/roles.json) there"
        if held.essential:
            yield PERMISSIONS.problem(evidence, way_out, held.resource)
        else:
            yield PERMISSIONS.warning(
                f"{evidence}, which only the second witness and this check use", way_out, held.resource
            )


def _locks(facts: Facts, resource: str, locks: tuple[Lock, ...]) -> Check:
    """ReadOnly forbids every write, and POST actions; CanNotDelete forbids to delete the resource and what is under it.

    A route goes by a write of its table, so CanNotDelete does not matter there.
    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
    """
    setup = facts.setup
    deletes = bool(setup.hub_id) and resource.lower() == setup.hub_id.lower()
    bad = [
        each
        for each in locks
        if resource.lower().startswith(each.scope.lower())
        and (each.level.lower() == _READ_ONLY or (deletes and each.level.lower() == _NO_DELETE))
    ]
    name = resource.rpartition("/")[2]
    if not bad:
        others = f"{len(locks)} lock(s), none of which forbids what the app does" if locks else "no lock"
        return LOCKS.ok(f"{name}: {others}", resource)
    lock = bad[0]
    if "/managedclusters/" in resource.lower():
        what = "the app cannot ask where its API server is (listClusterUserCredential)"
    elif deletes and lock.level.lower() == _NO_DELETE:
        what = "no BGP peer can be deleted"
    else:
        what = "nothing can be written to it"
    return LOCKS.problem(
        f"the lock {lock.name} ({lock.level}) on {lock.scope} covers {name}: {what}",
        "remove the lock, or move it to the resources that need it",
        resource,
    )
