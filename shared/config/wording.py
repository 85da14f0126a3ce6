"""A key that pydantic refused, as one line for a person: where, what, and the way out. Values are not repeated here."""

import difflib
import json
from collections.abc import Sequence

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from shared.config.clusters import (
    Cluster,
    Limits,
    ObserveRouting,
    Peers,
    RouteServerRouting,
    Settle,
    UdrRouting,
    VirtualWanRouting,
)

_MODES: dict[str, type[BaseModel]] = {
    "udr": UdrRouting,
    "routeServer": RouteServerRouting,
    "virtualWan": VirtualWanRouting,
    "observe": ObserveRouting,
}
_PARTS: dict[str, type[BaseModel]] = {"peers": Peers, "limits": Limits, "settle": Settle}

_ADD = {
    "name": "it is the owner id inside route names, such as prod-weu",
    "routing": 'write {"mode": "udr"} to have route tables kept',
    "virtualHubId": "add the resource id of the Route Server or virtual hub",
    "hubConnectionId": "a Virtual WAN hub needs its connection to the peers' virtual network",
    "peerAsn": "add the AS number of the peers, such as 65001",
    "peers": "add nodeSelector or addresses",
}
"""What to write where a required key is missing."""

_WHY = {
    "maxPeers": " (Azure takes 8 peers per hub)",
    "maxSeconds": " (the function is ended after 10 minutes)",
    "maxDeleteFraction": " (it is a share: 0.3 is 30 %)",
}
"""Where the bounds come from."""

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "an array",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a decimal number",
    str: "text",
    list: "an array",
    dict: "an object",
}


def shown(text: str) -> str:
    """A piece of the document on one line, quoted and cut to what a reader needs."""
    return json.dumps(text if len(text) <= 60 else text[:57] + "...")


def number(value: float) -> str:
    """A number of the document; one that nobody can have meant is not written out."""
    return str(value) if abs(value) < 1e15 else "the number"


def problem(error: ErrorDetails) -> tuple[str, str]:
    """The path of the refused key below its cluster (".routing.peerAsn", "" for the cluster) and what is wrong with it."""
    where = _without_mode(error["loc"])
    match error["type"]:
        case "union_tag_not_found":
            return _path([*where, "mode"]), _no_mode()
        case "union_tag_invalid":
            mode = error["input"]["mode"]
            return _path([*where, "mode"]), _no_mode() if mode is None else _not_one_of(mode, _MODES)
        case "extra_forbidden":
            return _path(where), _unknown(error["loc"])
        case "invalid_key":
            return _path(where), "unknown key; keys are text"
    return _path(where), _refused(error, str(where[-1]) if where else "")


def _refused(error: ErrorDetails, key: str) -> str:
    context, value = error.get("ctx", {}), error["input"]
    match error["type"]:
        case "missing":
            text = f"is missing; {_ADD[key]}"
        case "value_error":
            text = str(context["error"])
        case "literal_error" | "enum":
            choices = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            text = _not_one_of(value, choices)
        case "finite_number":
            text = "must be a number, neither infinite nor NaN"
        case "greater_than_equal":
            text = f"{number(value)} is too small; the least is {context['ge']:g}{_WHY.get(key, '')}"
        case "less_than_equal":
            text = f"{number(value)} is too large; the most is {context['le']:g}{_WHY.get(key, '')}"
        case refusal:
            text = f"must be {_EXPECTED[refusal]}, not {_kind(value)}" if refusal in _EXPECTED else error["msg"]
    return text


def _without_mode(location: Sequence[int | str]) -> list[int | str]:
    """Pydantic names the chosen member of a union in the path; the document has no such level."""
    return [step for at, step in enumerate(location) if not (at == 1 and location[0] == "routing" and step in _MODES)]


def _path(steps: Sequence[int | str]) -> str:
    return "".join(
        f"[{step}]"
        if isinstance(step, int)
        else f".{step}"
        if step.isidentifier() and len(step) <= 60
        else f".{shown(step)}"
        for step in steps
    )


def _unknown(location: Sequence[int | str]) -> str:
    key, parent = str(location[-1]), str(location[-2]) if len(location) > 1 else ""
    known = keys(({**_MODES, **_PARTS} | {"": Cluster})[parent])
    modes = [mode for mode, model in _MODES.items() if mode != parent and key in keys(model)]
    elsewhere = [f"routing of mode {_one_of(modes)}"] if modes else []
    elsewhere += [name for name, model in _PARTS.items() if key in keys(model)]
    if key in keys(Cluster):
        elsewhere.append("the cluster itself")
    if elsewhere:
        return f"does not belong here, but to {' or '.join(elsewhere)}"
    near = difflib.get_close_matches(key.lower(), [each.lower() for each in known], n=1)
    meant = [each for each in known if near and each.lower() == near[0]]
    return f"unknown key; did you mean {meant[0]}?" if meant else f"unknown key; the keys here are {', '.join(known)}"


def keys(model: type[BaseModel]) -> list[str]:
    """The keys of an object as the document spells them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _no_mode() -> str:
    return f"is missing; choose {_one_of(_MODES)}"


def _not_one_of(value: object, choices: Sequence[str] | dict[str, type[BaseModel]]) -> str:
    found = shown(value) if isinstance(value, str) else _kind(value)
    return f"{found} is none of the choices; choose {_one_of(choices)}"


def _one_of(choices: Sequence[str] | dict[str, type[BaseModel]]) -> str:
    *rest, last = choices
    return f"{', '.join(rest)} or {last}" if rest else last


def _kind(value: object) -> str:
    if hasattr(value, "isoformat"):
        return "a date (put it in quotes)"
    return _KINDS.get(type(value), f"a {type(value).__name__}")
