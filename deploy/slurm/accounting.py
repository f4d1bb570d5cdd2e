"""What Slurm's accounting knows before the first job: clusters, accounts, people, and the limits of a QOS."""

import subprocess

from deploy.slurm.daemons import PATH
from deploy.slurm.place import ClusterError, ClusterPlace
from deploy.slurm.plan import ELSEWHERE, OTHERS, Cluster

LISTS = ["list associations format=cluster,account,user", "list qos format=name"]


def ensure_associations(place: ClusterPlace) -> None:
    """Return when everybody may submit. Controllers must find the QOS of their partitions when they start.

    The accounting is kept from run to run and one command may find nothing new to do, so that what they say is
    no measure; what is listed afterwards is.
    """
    first = place.clusters[0].name
    # Few commands: each of them takes a third of a second.
    said = [ask(place, first, "sacctmgr", "--immediate", "add", "qos", *words) for words in qos_words(place)]
    for cluster in place.clusters:
        path = place.private / f"{cluster.name}.accounting"
        path.write_text(accounting_file(place, cluster))
        said.append(ask(place, first, "sacctmgr", "--immediate", "load", str(path)))
    listed = [ask(place, first, "sacctmgr", "-n", "-P", *words.split()).stdout for words in LISTS]
    missing = expected(place) - set("\n".join(listed).splitlines())
    if missing:
        told = "\n".join(f"{done.stdout[-500:]}{done.stderr}" for done in said)
        raise ClusterError(f"The accounting lacks {sorted(missing)}:\n{told}")


def qos_words(place: ClusterPlace) -> list[list[str]]:
    found = {each.name: each for cluster in place.clusters for each in cluster.qos}
    return [[each.name, *each.limits.split()] for each in found.values()]


def accounting_file(place: ClusterPlace, cluster: Cluster) -> str:
    """As `sacctmgr dump` writes it and `sacctmgr load` reads it."""
    qos = ",".join(["normal", *(each.name for each in cluster.qos)])
    lines = [f"Cluster - '{cluster.name}':Fairshare=1:QOS='{qos}'", "Parent - 'root'"]
    for account, limits in {**cluster.accounts, OTHERS: ""}.items():
        told = f":{limits}" if limits else ""
        lines.append(f"Account - '{account}':Description='{account}':Organization='paja'{told}")
    default = next(iter(cluster.accounts))
    people = cluster.unix_accounts(place.people)
    for account in cluster.accounts:
        lines.append(f"Parent - '{account}'")
        lines += [f"User - '{place.unix_name(name)}':DefaultAccount='{default}'" for name in people]
    lines += [f"Parent - '{OTHERS}'", f"User - '{place.unix_name(ELSEWHERE)}':DefaultAccount='{OTHERS}'"]
    return "\n".join([*lines, ""])


def expected(place: ClusterPlace) -> set[str]:
    """The lines of `LISTS` that there must be."""
    lines = set()
    for cluster in place.clusters:
        lines |= {each.name for each in cluster.qos}
        lines.add(f"{cluster.name}|{OTHERS}|{place.unix_name(ELSEWHERE)}")
        for account in cluster.accounts:
            people = cluster.unix_accounts(place.people)
            lines |= {f"{cluster.name}|{account}|{place.unix_name(name)}" for name in people}
    return lines


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
