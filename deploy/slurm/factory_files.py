"""The factory files of the two sites, with what is different on this machine in its place."""

import json
import tomllib
from pathlib import Path
from typing import Any, Final

from deploy.slurm import node_view
from deploy.slurm.place import ClusterPlace
from deploy.slurm.plan import Cluster

FOLDER: Final = Path(__file__).resolve().parent / "factories"
PACE_SECONDS: Final = 2.0  # a site is asked every 15 s


def write_factory_file(
    place: ClusterPlace, cluster: Cluster, hub_api_url: str, *, pace_seconds: float = PACE_SECONDS
) -> Path:
    """The file for the hub of that cluster; `hub_api_url` as the nodes, which are this machine, reach it."""
    path = place.factory_file(cluster.name)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(
        to_toml(fill_in(place, cluster, hub_api_url, pace_seconds=pace_seconds)), encoding="utf-8"
    )
    unfinished.replace(path)
    return path


def fill_in(
    place: ClusterPlace, cluster: Cluster, hub_api_url: str, *, pace_seconds: float
) -> dict[str, Any]:
    values: dict[str, Any] = tomllib.loads((FOLDER / f"{cluster.name}.toml").read_text(encoding="utf-8"))
    values["slurm"] |= {"conf": str(place.conf(cluster.name)), "pace_seconds": pace_seconds}
    values["nodes"] |= {
        "python": str(node_view.LAB / "bin" / "python"),
        "files": str(node_view.FILES),
        "listen": "127.0.0.1",
        "address": "127.0.0.1",  # every node is this machine
        "hub_api_url": hub_api_url,
    }
    unix = values["unix"]
    if "pool" in unix:
        unix["pool"] = [place.unix_name(name) for name in cluster.learners(place.people)]
    if "own" in unix:
        unix["own"] = f"{cluster.unix.learners}[0-9]{{2,3}}{place.suffix}"
    unix["robot"]["name"] = place.unix_name(cluster.unix.robot)
    values["grading"] |= {
        "unix_account": place.unix_name(cluster.unix.grader),
        "python": str(node_view.PLATFORM / "bin" / "python"),
        "project": str(node_view.PROJECT),
        "environment": {"PAJA_RUNNER_LAB_PYTHON": str(node_view.LAB / "bin" / "python")},
    }
    return values


def to_toml(values: dict[str, Any], place: str = "") -> str:
    """Plain values first, then tables, then lists of tables: what factory files hold, and no more of TOML."""
    lines, below = [], []
    for name, value in values.items():
        path = f"{place}.{name}" if place else name
        if isinstance(value, dict):
            below.append(f"\n[{path}]\n{to_toml(value, path)}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            below += [f"\n[[{path}]]\n{to_toml(each, path)}" for each in value]
        else:
            # A text, number, truth or list of texts is written in TOML as in JSON.
            lines.append(f"{name} = {json.dumps(value)}\n")
    return "".join([*lines, *below])
