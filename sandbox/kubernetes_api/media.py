"""In which form a client wants an answer: whole objects, metadata only, or a printed table. Reads the Accept header."""

from enum import Enum, auto

from sandbox.kubernetes_api.kinds import Resource
from sandbox.kubernetes_api.statuses import not_acceptable


class Form(Enum):
    """The shape of an answer, always in JSON."""

    OBJECT = auto()
    METADATA = auto()
    TABLE = auto()


_AS = {
    "": Form.OBJECT,
    "PartialObjectMetadata": Form.METADATA,
    "PartialObjectMetadataList": Form.METADATA,
    "Table": Form.TABLE,
}


def form_of(accept: str, resource: Resource) -> Form:
    """The first form in the Accept header that is offered; raises a 406 ApiError when none is.

    The real server also offers YAML and protobuf; a client that takes nothing else gets the 406 here.
    """
    for clause in accept.split(",") if accept.strip() else ("*/*",):
        media_type, *parameters = (part.strip() for part in clause.split(";"))
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        if media_type not in {"application/json", "application/*", "*/*"}:
            continue
        if (
            given.get("v", "v1") == "v1"
            and given.get("g", "meta.k8s.io") == "meta.k8s.io"
            and given.get("as", "") in _AS
        ):
            return _AS[given.get("as", "")]
    raise not_acceptable(resource)
