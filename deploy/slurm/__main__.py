"""`deploy/slurm/dev-cluster start|stop|status`: what is typed, and what is said."""

import argparse
import sys
import time
from pathlib import Path

from deploy.jupyterhub.processes import ProcessMark
from deploy.slurm.dev_cluster import DevCluster
from deploy.slurm.place import ClusterError, ClusterPlace

ROOT = Path(__file__).resolve().parents[2]


def main(words: list[str]) -> int:
    asked = parser().parse_args(words)
    try:
        if asked.what == "start":
            start(asked)
        elif asked.what == "stop":
            stop(asked)
        else:
            return status(asked)
    except ClusterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="dev-cluster", description="A real Slurm on one machine.")
    made.add_argument("what", choices=["start", "stop", "status"])
    made.add_argument(
        "--data", type=Path, default=ROOT / "data-slurm" / "slurm", help="where it keeps its data"
    )
    made.add_argument("--port", type=int, default=8030, help="the first of 21 ports on loopback")
    made.add_argument("--nodes", type=int, default=2, help="nodes of eight GPUs in each cluster")
    made.add_argument("--people", type=int, default=8, help="Unix accounts of learners in each cluster")
    made.add_argument("--suffix", default="", help="ends the names of Unix accounts, where two run at once")
    made.add_argument(
        "--owner", type=int, help="a process; when it has ended, the next start removes this one"
    )
    return made


def start(asked: argparse.Namespace) -> None:
    began = time.monotonic()
    place = ClusterPlace(
        data=asked.data.absolute(),
        base_port=asked.port,
        nodes=asked.nodes,
        people=asked.people,
        suffix=asked.suffix,
        owner=ProcessMark.of(asked.owner) if asked.owner else None,
    )
    DevCluster(place).start()
    say(f"Slurm runs, after {time.monotonic() - began:.0f} s.")
    for cluster in place.clusters:
        say(f"  {cluster.name}: SLURM_CONF={place.conf(cluster.name)}")
    say(f"Logs: {place.logs}")


def stop(asked: argparse.Namespace) -> None:
    place = ClusterPlace.find(asked.data.absolute())
    if place is None:
        say("No Slurm runs there.")
        return
    DevCluster(place).stop()
    say("Slurm is stopped, its accounts are deleted.")


def status(asked: argparse.Namespace) -> int:
    """The words of `systemctl status` for scripts: 0 where all of it runs, 3 where not."""
    place = ClusterPlace.find(asked.data.absolute())
    if place is None:
        say("No Slurm runs there.")
        return 3
    cluster = DevCluster(place)
    ended = [name for name in cluster.daemon_names if cluster.daemons.find(name) is None]
    for each in place.clusters:
        for node, state in cluster.node_states(each).items():
            say(f"{node:16} {state}")
    if ended:
        say(f"Not running: {', '.join(ended)}. Logs: {place.logs}")
    return 3 if ended else 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
