"""The files that Slurm's daemons read, as text."""

from typing import Final

from deploy.slurm.place import ClusterPlace
from deploy.slurm.plan import Cluster, NodeKind

# A lost node is noticed in 20 s, a planned start is worked out every 2 s, a job that ends gets 5 s: for people who
# wait, and tests. A site has 300 s, 30 s and 30 s.
COMMON: Final = """\
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
CommunicationParameters=NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=0
EnforcePartLimits=ALL
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=associations,limits,qos
PriorityType=priority/multifactor
PriorityMaxAge=1-00:00:00
PriorityWeightAge=100000
PriorityWeightQOS=1000
SchedulerParameters=bf_interval=2,sched_interval=2,bf_resolution=1,bf_continue,batch_sched_delay=1
DefMemPerCPU=1024
OverTimeLimit=0
KillWait=5
SlurmdTimeout=20
SlurmctldTimeout=10
InactiveLimit=0
MinJobAge=60
UnkillableStepTimeout=30
MailProg=/bin/true
"""


def slurm_conf(place: ClusterPlace, cluster: Cluster) -> str:
    folder = place.run / cluster.name
    own = {
        "ClusterName": cluster.name,
        "SlurmctldHost": "localhost(127.0.0.1)",
        "SlurmctldPort": place.controller_port(cluster.name),
        "AuthInfo": f"socket={place.munge_socket}",
        "AccountingStoragePort": place.accounting_port,
        "AccountingStoragePass": place.munge_socket,
        "StateSaveLocation": place.data / cluster.name,
        "SlurmdSpoolDir": folder / "spool" / "%n",
        "SlurmctldPidFile": place.private / f"{cluster.name}.pid",
        "SlurmdPidFile": place.private / "%n.pid",
    }
    lines = [f"{name}={value}" for name, value in own.items()]
    lines += COMMON.splitlines()
    ports = place.node_ports(cluster)
    for kind in cluster.kinds:
        lines += [node_line(kind, node, ports[node]) for node in cluster.nodes_of(kind)]
    for partition in cluster.partitions:
        kinds = [kind for kind in cluster.kinds if kind.letter in partition.letters]
        nodes = ",".join(node for kind in kinds for node in cluster.nodes_of(kind))
        lines.append(f"PartitionName={partition.name} Nodes={nodes} DefaultTime=00:30:00 {partition.options}")
    return "\n".join([*lines, ""])


def node_line(kind: NodeKind, node: str, port: int) -> str:
    gres = f" Gres=gpu:{kind.gres}:{kind.gpus}" if kind.gpus else ""
    return (
        f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={kind.cores} Sockets=1 "
        f"CoresPerSocket={kind.cores} ThreadsPerCore=1 RealMemory={kind.memory_gb * 1024}{gres}"
    )


def gres_conf(place: ClusterPlace, cluster: Cluster) -> str:
    """Without a device of its own for each GPU, Slurm would refuse the node and give jobs no number."""
    lines = []
    for kind in cluster.kinds:
        if kind.gpus:
            nodes = ",".join(cluster.nodes_of(kind))
            devices = f"{place.run}/gpus/gpu[0-{kind.gpus - 1}]"
            lines.append(f"NodeName={nodes} Name=gpu Type={kind.gres} File={devices}")
    return "\n".join([*lines, ""])


def slurmdbd_conf(place: ClusterPlace) -> str:
    return f"""\
AuthType=auth/munge
AuthInfo=socket={place.munge_socket}
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={place.accounting_port}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
CommitDelay=0
PidFile={place.private}/slurmdbd.pid
"""
