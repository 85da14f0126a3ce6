"""Resource ids: taken apart, put together, compared. Azure compares them without regard to case."""

from dataclasses import dataclass

NETWORK = "Microsoft.Network"
CONTAINER_SERVICE = "Microsoft.ContainerService"
COMPUTE = "Microsoft.Compute"


def key(resource_id: str) -> str:
    """What two ids of one resource have in common."""
    return resource_id.strip("/").lower()


@dataclass(frozen=True, slots=True)
class ResourceId:
    """A resource id in its parts, with the case it was written in."""

    subscription: str
    group: str
    provider: str = ""
    names: tuple[tuple[str, str], ...] = ()
    """(type, name) pairs from the outermost resource inwards."""

    @property
    def name(self) -> str:
        """The last name: the resource's own."""
        return self.names[-1][1]

    @property
    def group_id(self) -> str:
        """The id of the resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def type(self) -> str:
        """The full type, for example `Microsoft.Network/routeTables`."""
        return "/".join((self.provider, *(kind for kind, _ in self.names)))


def parse(resource_id: str) -> ResourceId:
    """Take an id of a resource group or of a resource in it apart. Raises ValueError on anything else."""
    words = resource_id.strip("/").split("/")
    problem = ValueError(f"{resource_id!r} is not the id of a resource group or of a resource in one")
    if len(words) < 4 or words[0].lower() != "subscriptions" or words[2].lower() != "resourcegroups" or not all(words):
        raise problem
    if len(words) == 4:
        return ResourceId(words[1], words[3])
    if words[4].lower() != "providers" or len(words) < 8 or len(words) % 2:
        raise problem
    return ResourceId(words[1], words[3], words[5], tuple(zip(words[6::2], words[7::2], strict=True)))


def expect(resource_id: str, type_: str) -> ResourceId:
    """Take an id apart and insist on its type, compared without regard to case. Raises ValueError."""
    parsed = parse(resource_id)
    if parsed.type.lower() != type_.lower():
        raise ValueError(f"{resource_id!r} is not the id of a {type_}")
    return parsed
