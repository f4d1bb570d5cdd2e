"""What one factory offers on its Slurm: a TOML file that its staff write, read once when the hub starts.

Whatever a session may ask for stands in this file; nothing else is ever submitted.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from deploy.jupyterhub.lab_environment import TOOLS
from deploy.jupyterhub.slurm.partitions import LONGEST_MINUTES, Partition
from deploy.jupyterhub.slurm.toml_table import ADDRESS, WORD, Table

PATH: Final = r"/[A-Za-z0-9_./+@-]+"
UNIX_NAME: Final = r"[a-z_][a-z0-9_-]{0,31}"
# No dash: a prefix must not be the beginning of another hub's.
PREFIX: Final = r"[a-z][a-z0-9]{0,15}"


class FactoryFileError(ValueError):
    """The file cannot be used; the message tells every fault, a line each."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join([f"{path} cannot be used:", *(f"  {fault}" for fault in faults)]))


@dataclass(frozen=True)
class Firecrest:
    """Slurm over HTTP, as one account of the site's: the client's own."""

    url: str
    system: str
    token_url: str
    client_id: str
    client_secret_file: str

    @classmethod
    def read(cls, table: Table) -> Self:
        firecrest = cls(
            url=table.text("url", ADDRESS),
            system=table.text("system", WORD),
            token_url=table.text("token_url", ADDRESS),
            client_id=table.text("client_id"),
            client_secret_file=table.text("client_secret_file", PATH),
        )
        table.close()
        return firecrest


@dataclass(frozen=True)
class Nodes:
    """The compute nodes as a job finds them, and as the hub reaches them."""

    python: str  # of the labs' environment; readable by every account
    files: str  # deploy/jupyterhub/learner of this project, as nodes see it
    listen: str  # the address at which a server listens on its node
    address: str  # the node as the hub and its proxy reach it; {node} is Slurm's name of it
    hub_api_url: str  # …/hub/api, as nodes reach the hub
    tools: tuple[str, ...]

    @classmethod
    def read(cls, table: Table) -> Self:
        nodes = cls(
            python=table.text("python", PATH),
            files=table.text("files", PATH),
            listen=table.text("listen", r"[0-9a-f.:]+", default="0.0.0.0"),  # noqa: S104
            address=table.text("address", r"[A-Za-z0-9{}.:-]+", default="{node}"),
            hub_api_url=table.text("hub_api_url", ADDRESS + "/hub/api"),
            tools=table.texts("tools", "|".join(TOOLS), default=TOOLS),
        )
        if "{" in nodes.address.replace("{node}", "") or "}" in nodes.address.replace("{node}", ""):
            table.fault("address", "knows only {node}")
        table.close()
        return nodes

    def address_of(self, node: str) -> str:
        return self.address.replace("{node}", node)


@dataclass(frozen=True)
class Robot:
    """One account for whoever it is lent to; with `isolation`, a command of the site's, for several at once."""

    name: str
    isolation: tuple[str, ...]

    @property
    def is_shared(self) -> bool:
        return bool(self.isolation)


@dataclass(frozen=True)
class UnixAccounts:
    """Whose accounts jobs run as; what is empty is not offered."""

    own: str  # what people's own accounts are called here, a regular expression
    pool: tuple[str, ...]
    robot: Robot | None
    become: tuple[str, ...]  # the command in front of Slurm's, by which the hub acts as {unix_account}

    @classmethod
    def read(cls, table: Table) -> Self:
        below = table.find_table("robot")
        robot = None
        if below:
            robot = Robot(below.text("name", UNIX_NAME), below.texts("isolation", default=()))
            below.close()
        accounts = cls(
            own=table.pattern("own"),
            pool=table.texts("pool", UNIX_NAME, default=()),
            robot=robot,
            become=table.texts("become", default=()),
        )
        if not (accounts.own or accounts.pool or accounts.robot):
            table.fault("pool", "own, pool or robot: somebody's account is needed")
        table.note_doubles("pool", [*accounts.pool, *([robot.name] if robot else [])])
        table.close()
        return accounts


@dataclass(frozen=True)
class Grading:
    """Where labs that need a GPU are graded: the account that a runner's job has, and its own program."""

    partition: str
    flavour: str
    minutes: int
    account: str
    qos: str
    unix_account: str
    python: str  # of the platform's environment on the node
    project: str  # where labs/ stands on the node
    environment: tuple[tuple[str, str], ...]  # PAJA_RUNNER_… , see deploy/README.md

    @classmethod
    def read(cls, table: Table) -> Self:
        told = table.find_table("environment")
        names = sorted(told.values) if told else []
        grading = cls(
            partition=table.text("partition", WORD),
            flavour=table.text("flavour", WORD),
            minutes=table.number("minutes", 1, LONGEST_MINUTES),
            account=table.text("account", WORD),
            qos=table.text("qos", WORD, default=""),
            unix_account=table.text("unix_account", UNIX_NAME),
            python=table.text("python", PATH),
            project=table.text("project", PATH),
            environment=tuple((name, told.text(name)) for name in names) if told else (),
        )
        for name in names:
            if told and not re.fullmatch(r"PAJA_RUNNER_[A-Z_]+", name):
                told.fault(name, "a runner is told only PAJA_RUNNER_…")
        table.close()
        return grading


@dataclass(frozen=True)
class FactoryFile:
    access: str  # local or firecrest
    pace_seconds: float
    job_prefix: str
    conf: str  # SLURM_CONF for the commands; empty for the system's own
    accounts: tuple[str, ...]
    qos: tuple[str, ...]
    reservations: tuple[str, ...]  # regular expressions
    firecrest: Firecrest | None
    nodes: Nodes
    unix: UnixAccounts
    grading: Grading | None
    partitions: tuple[Partition, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The file, checked as a whole; raises FactoryFileError with all its faults."""
        faults: list[str] = []
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise FactoryFileError(path, [str(error)]) from error
        file = cls._read(Table(values, "", faults))
        if faults:
            raise FactoryFileError(path, faults)
        return file

    @classmethod
    def _read(cls, root: Table) -> Self:
        slurm, grading = root.table("slurm"), root.find_table("grading")
        firecrest = slurm.find_table("firecrest")
        file = cls(
            access=slurm.text("access", "local|firecrest"),
            pace_seconds=slurm.share("pace_seconds", 0.1, 3600, default=15.0),
            job_prefix=slurm.text("job_prefix", PREFIX, default="paja"),
            conf=slurm.text("conf", PATH, default=""),
            accounts=slurm.texts("accounts", WORD),
            qos=slurm.texts("qos", WORD, default=()),
            reservations=slurm.patterns("reservations"),
            firecrest=Firecrest.read(firecrest) if firecrest else None,
            nodes=Nodes.read(root.table("nodes")),
            unix=UnixAccounts.read(root.table("unix")),
            grading=Grading.read(grading) if grading else None,
            partitions=tuple(Partition.read(each) for each in root.tables("partitions")),
        )
        slurm.close()
        root.close()
        file._note_contradictions(root, slurm)
        return file

    def _note_contradictions(self, root: Table, slurm: Table) -> None:
        if not self.partitions:
            root.fault("partitions", "a factory without partitions offers nothing")
        root.note_doubles("partitions", [each.name for each in self.partitions])
        unix = root.table("unix")
        if self.access == "local" and "{unix_account}" not in "".join(self.unix.become):
            unix.fault(
                "become", "does not say {unix_account}: learners' jobs would run as the hub's own account"
            )
        if self.access == "firecrest":
            if self.firecrest is None:
                slurm.fault("firecrest", "is missing")
            if self.unix.robot is None:
                unix.fault("robot", "is missing: the account of FirecREST's client")
            # Every job of a client is the client's account's: two people's would be in one account.
            if self.unix.own or self.unix.pool:
                unix.fault("own", "FirecREST submits as the client's account alone, which is a robot's")
        if self.grading:
            self._note_grading(root.table("grading"), self.grading)

    def _note_grading(self, table: Table, grading: Grading) -> None:
        partition = self.find_partition(grading.partition)
        flavour = partition.find_flavour(grading.flavour) if partition else None
        if flavour is None:
            table.fault("flavour", "no partition of this file has it")
        elif grading.minutes > flavour.minutes_max:
            table.fault("minutes", f"more than the flavour's {flavour.minutes_max}")
        if grading.account not in self.accounts:
            table.fault("account", "is not one of slurm.accounts")
        if grading.qos and grading.qos not in self.qos:
            table.fault("qos", "is not one of slurm.qos")
        # Else learners could read, or end, what grades them.
        lent = {*self.unix.pool, *([self.unix.robot.name] if self.unix.robot else [])}
        if grading.unix_account in lent or re.fullmatch(self.unix.own, grading.unix_account):
            table.fault("unix_account", "is an account that learners get")
        if self.access == "firecrest":
            table.fault(
                "unix_account", "FirecREST submits as the learners' robot alone: nothing is graded through it"
            )

    def find_partition(self, name: str) -> Partition | None:
        return next((each for each in self.partitions if each.name == name), None)
