"""The subnets of the nodes and their route tables; in the BGP modes whether nodes learn what the hub learned."""

from collections.abc import Iterator

from shared.doctor.check import Check, Topic, parted
from shared.doctor.facts import Facts, Hub, Table, Unfit
from shared.doctor.unknown import Unknown
from shared.phrases import some
from shared.pool_subnets import subnet_findings

SUBNETS = Topic("subnetRouteTables", "Every agent pool's subnet has a route table of ours")
TABLES = Topic("routeTables", "The route tables are there and in use")
PROPAGATION = Topic("routePropagation", "Learned routes reach the nodes' subnets")
HUB = Topic("hub", "The hub is ready and suits the mode")
HUB_NETWORKS = Topic("hubNetworks", "The nodes' networks learn from the hub")


def network_checks(facts: Facts) -> Iterator[Check]:
    """Nothing in mode observe, where nothing is expected of tables."""
    if facts.setup.mode == "udr":
        yield from _subnets(facts)
        for table in facts.tables:
            yield TABLES.unknown(table) if isinstance(table, Unknown) else _table(table)
    elif facts.setup.by_bgp:
        yield from PROPAGATION.told(
            facts.learning, otherwise="no route table of the nodes' subnets hides learned routes, or has routes to pods"
        )
        yield from _hub(facts.hub)


def _subnets(facts: Facts) -> Iterator[Check]:
    if not facts.subnets and not facts.unread_subnets:
        return  # a kubeconfig alone, or a cluster that could not be read, which is told elsewhere
    found = subnet_findings(facts.subnets, facts.setup.route_tables)
    tables = {each.route_table.lower(): each.route_table for each in facts.subnets if each.route_table}
    names = [tables[key].rpartition("/")[2] for key in sorted(tables)]
    yield from SUBNETS.told(
        (*facts.unread_subnets, *found), otherwise=f"{len(facts.subnets)} subnets with {some(names) or 'no table'}"
    )


def _table(table: Table) -> Check:
    if table.state.lower() == "failed":
        return TABLES.warning(
            f"the last operation on {table.id} failed (provisioningState Failed): what it shows is not what the network does",
            "the next pass writes it again; if it stays so, see the activity log of the table",
            table.id,
        )
    if not table.used:
        return TABLES.warning(
            f"no subnet has the route table {table.id}, so its routes do nothing",
            "associate it with the nodes' subnets, or take it out of routing.routeTables",
            table.id,
        )
    return TABLES.ok(f"{table.id.rpartition('/')[2]} has {len(table.routes)} routes and is in use", table.id)


_ABOUT_TABLES = {"gatewayRoutesNotPropagated", "tableRoutesToPods", "routeTableUnreadable"}


def _hub(hub: Hub | Unfit | Unknown | None) -> Iterator[Check]:
    match hub:
        case None:
            return
        case Unknown():
            yield HUB.unknown(hub)
            yield HUB_NETWORKS.unknown(hub)
        case Unfit(reason=reason):
            yield HUB.problem(*parted(reason))
        case Hub(topology=topology):
            yield _readiness(hub)
            found = (each for each in topology.findings if each.code not in _ABOUT_TABLES)
            yield from HUB_NETWORKS.told(found, otherwise="each of the nodes' networks learns what the hub learned")


def _readiness(hub: Hub) -> Check:
    """A hub takes peers only in routingState Provisioned (https://github.com/Azure/terraform-provider-azapi/issues/402)."""
    where = hub.topology.hub_id
    if hub.provisioning_state.lower() == "failed" or hub.routing_state.lower() == "failed":
        return HUB.problem(
            f"the hub failed (provisioningState {hub.provisioning_state}, routingState {hub.routing_state})",
            "reset the hub or its router in the portal, or see its activity log",
            where,
        )
    if hub.routing_state.lower() != "provisioned":
        return HUB.warning(
            f"the hub's routingState is {hub.routing_state}, not Provisioned, so that it takes no peers yet",
            "wait; making a hub takes half an hour",
            where,
        )
    return HUB.ok(f"routingState {hub.routing_state}, provisioningState {hub.provisioning_state}", where)
