"""How often Slurm is asked: by the hubs' own count, and by what the controllers say that they were asked."""

import re
import time
from collections import Counter
from dataclasses import dataclass

import httpx

from tests.live.stack import Stack
from tests.servers.slurm import RealCluster
from tests.soak.slurm_class import SITES

RPC = re.compile(r"^\s*([A-Z_0-9]+)\s*\(\s*\d+\)\s*count:(\d+)", re.MULTILINE)
READS = re.compile(r"REQUEST_\w*(?:INFO|SHOW)\w*")
OWN_QUESTION = "REQUEST_STATS_INFO"  # of sdiag itself
MINUTE = 60.0


@dataclass(frozen=True)
class Minute:
    """Questions of one minute by factory, and the controllers' requests by type."""

    asked: dict[str, int]
    requests: dict[str, Counter[str]]

    @property
    def read_requests(self) -> dict[str, int]:
        """By factory: requests by which something is read, whoever made them."""
        return {
            factory: sum(count for name, count in counts.items() if is_read(name))
            for factory, counts in self.requests.items()
        }


def is_read(name: str) -> bool:
    return READS.fullmatch(name) is not None and name != OWN_QUESTION


def count_minute(stack: Stack, slurm: RealCluster) -> Minute:
    """Of the minute that begins now; nobody else may ask meanwhile."""
    asked, requests = count_questions(stack), count_requests(slurm)
    time.sleep(MINUTE)
    now, requested = count_questions(stack), count_requests(slurm)
    return Minute(
        {factory: now[factory] - asked[factory] for factory in now},
        {factory: requested[factory] - requests[factory] for factory in requested},
    )


def count_questions(stack: Stack) -> dict[str, int]:
    """As the hubs say it, beside submissions and cancellations."""
    counts = {}
    for hub in stack.place.hubs:
        token = (stack.place.data / "secrets" / f"hub_token_{hub.factory}").read_text().strip()
        answer = httpx.get(
            f"http://127.0.0.1:{hub.hub_port}/hub/api/paja/queue",
            headers={"Authorization": f"token {token}"},
            timeout=30,
        )
        counts[hub.factory] = int(answer.json()["questions"])
    return counts


def count_requests(slurm: RealCluster) -> dict[str, Counter[str]]:
    return {site.factory: parse_requests(slurm.ask(site.factory, "sdiag")) for site in SITES}


def parse_requests(text: str) -> Counter[str]:
    """Requests by type since the controller started."""
    by_type = text.partition("by message type")[2].partition("by user")[0]
    return Counter({name: int(count) for name, count in RPC.findall(by_type)})
