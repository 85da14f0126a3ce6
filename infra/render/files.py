"""Inputs → every file by its path in the output folder; writing them, and telling how a folder differs from them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.render import cilium, frr, machines
from infra.render.inputs import Inputs

_HEADER = "# Rendered by `python -m infra.render`; edit its inputs instead.\n"


class _Dumper(yaml.SafeDumper):
    """Text of several lines as a block, so that a person can read the files inside cloud-init."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # yaml's signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def render(inputs: Inputs) -> dict[str, str]:
    """Path below the output folder → content. The same inputs give the same bytes."""
    files = {"cilium-values.yaml": _HEADER + _yaml(cilium.helm_values(inputs))}
    if bgp := inputs.bgp:
        objects = cilium.bgp_objects(inputs, bgp)
        files["cilium-bgp.yaml"] = _HEADER + "---\n".join(map(_yaml, objects))
        cloud_inits = []
        for number in range(1, len(bgp.reflectors) + 1):
            conf, daemons = frr.frr_conf(inputs, bgp, number), frr.daemons()
            cloud_init = "#cloud-config\n" + _yaml(machines.cloud_init(conf, daemons))
            folder = f"reflector-{number}"
            files |= {
                f"{folder}/frr.conf": conf,
                f"{folder}/daemons": daemons,
                f"{folder}/cloud-init.yaml": cloud_init,
            }
            cloud_inits.append(cloud_init)
        if cloud_inits:
            files["reflectors.parameters.json"] = json.dumps(machines.parameters(bgp, cloud_inits), indent=2) + "\n"
    return dict(sorted(files.items()))


def write(files: Mapping[str, str], folder: Path) -> None:
    """Puts the files where they belong and takes away those of an earlier rendering that have no successor."""
    for name in differences(files, folder):
        path = folder / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8")
        else:
            path.unlink()


def differences(files: Mapping[str, str], folder: Path) -> list[str]:
    """The names of rendered files that are missing from `folder`, differ there, or are there without being rendered."""
    known = ["cilium-*.yaml", "reflectors.parameters.json", "reflector-*/*"]
    there = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8") for glob in known for path in folder.glob(glob)
    }
    return sorted(name for name in files.keys() | there.keys() if files.get(name) != there.get(name))


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=120)
