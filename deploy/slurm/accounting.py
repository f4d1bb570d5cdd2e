"""What Slurm's accounting knows before the first job: clusters, accounts, people, and the limits of a QOS."""

import subprocess

from deploy.slurm.daemons import PATH
from deploy.slurm.place import ClusterError, ClusterPlace
from deploy.slurm.plan import ELSEWHERE, OTHERS, Cluster

NOTHING_NEW = ("Nothing new added", "Not adding.", "Nothing modified")


def ensure_associations(place: ClusterPlace) -> None:
    for cluster in place.clusters:
        ensure_cluster(place, cluster)


def ensure_cluster(place: ClusterPlace, cluster: Cluster) -> None:
    """Its controller must find the QOS of its partitions when it starts."""
    name = cluster.name
    people = ",".join(place.unix_name(account) for account in cluster.unix_accounts(place.people))
    qos = ",".join(["normal", *(each.name for each in cluster.qos)])
    add(place, name, "cluster", name)
    for each in cluster.qos:
        add(place, name, "qos", each.name, *each.limits.split())
    for account, limits in cluster.accounts.items():
        add(place, name, "account", account, f"cluster={name}", *limits.split())
    first = next(iter(cluster.accounts))
    accounts = ",".join(cluster.accounts)
    add(place, name, "user", people, f"account={accounts}", f"cluster={name}", f"defaultaccount={first}")
    add(place, name, "account", OTHERS, f"cluster={name}")
    stranger = place.unix_name(ELSEWHERE)
    add(place, name, "user", stranger, f"account={OTHERS}", f"cluster={name}", f"defaultaccount={OTHERS}")
    sacctmgr(place, name, "modify", "account", accounts, "where", f"cluster={name}", "set", f"qos={qos}")
    sacctmgr(place, name, "modify", "account", OTHERS, "where", f"cluster={name}", "set", f"qos={qos}")


def add(place: ClusterPlace, cluster: str, *words: str) -> None:
    sacctmgr(place, cluster, "add", *words)


def sacctmgr(place: ClusterPlace, cluster: str, *words: str) -> str:
    """Nothing new is fine: the accounting is kept from run to run."""
    done = ask(place, cluster, "sacctmgr", "--immediate", *words)
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode != 0 and not any(each in said for each in NOTHING_NEW):
        raise ClusterError(f"sacctmgr {' '.join(words)}: {said.strip()}")
    return done.stdout


def ask(place: ClusterPlace, cluster: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """One of Slurm's commands at a cluster, as root."""
    return subprocess.run(
        argv,
        env={"PATH": PATH, "LC_ALL": "C.UTF-8", "SLURM_CONF": str(place.conf(cluster))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
