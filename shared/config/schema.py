"""The rules for one key as a JSON Schema, for editors. What keys must hold together, only loading tells."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from shared.config.clusters import Cluster


class _WithoutTitles(GenerateJsonSchema):
    """Pydantic titles every key with its own name; in an editor that only hides the description."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic's signature
        return False


def json_schema() -> dict[str, Any]:
    """The schema of the clusters array, JSON Schema 2020-12. Stricter than loading in one point: null is not offered."""
    generated = TypeAdapter(tuple[Cluster, ...]).json_schema(by_alias=True, schema_generator=_WithoutTitles)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "aks-pod-routes clusters",
        "description": "The value of AKS_POD_ROUTES_CLUSTERS, or the file it names: one object per cluster.",
        **generated,
        "minItems": 1,
    }
