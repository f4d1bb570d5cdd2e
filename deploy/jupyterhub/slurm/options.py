"""What Paja may ask of a server (`user_options`), checked against the factory's file. Nothing is used unchecked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deploy.jupyterhub.slurm.factory_file import FactoryFile, Grading
from deploy.jupyterhub.slurm.job_views import Submission
from deploy.jupyterhub.slurm.jobs import JobRequest
from deploy.jupyterhub.slurm.partitions import Flavour, Partition
from deploy.jupyterhub.slurm.unix_accounts import AccountKind, find_kind

SESSION_KEYS: Final = frozenset(
    {
        "kind",
        "tools",
        "partition",
        "flavour",
        "minutes",
        "account",
        "qos",
        "reservation",
        "unix_account",
        "lease",
    }
)
CODE: Final = r"|[A-HJ-NP-Z2-9]{4}(-[A-HJ-NP-Z2-9]{4}){2}"  # Paja makes it: labs/work/account_codes.py
LEASE: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CHECK_MINUTES: Final = 1


class OptionsRefusedError(ValueError):
    """This factory does not offer what was asked for; `reason` is the slug that Paja has a sentence for."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class SpawnRequest:
    """One server as a factory's file allows it."""

    kind: str  # session, check or grading
    partition: str
    flavour: Flavour
    minutes: int
    account: str
    qos: str
    reservation: str
    unix_account: str
    account_kind: AccountKind
    lease: str
    tools: tuple[str, ...]
    code: str = ""  # that a check looks for in the account's home; empty where nothing is to be proved

    def job(self, name: str) -> JobRequest:
        return JobRequest(
            name=name,
            partition=self.partition,
            cores=self.flavour.cores,
            memory_gb=self.flavour.memory_gb,
            minutes=self.minutes,
            gres=self.flavour.gres,
            account=self.account,
            qos=self.qos,
            reservation=self.reservation,
            unix_account=self.unix_account,
        )

    def submission(self, user: str, server: str) -> Submission:
        return Submission(
            user=user,
            server=server,
            kind=self.kind,
            partition=self.partition,
            flavour=self.flavour.slug,
            unix_account=self.unix_account,
            gpus=self.flavour.gpus,
            weight=self.flavour.weight,
        )


def read_options(options: object, factory: FactoryFile, *, is_grader: bool) -> SpawnRequest:
    """The request that `user_options` are; raises OptionsRefusedError where the factory's file does not have it.

    The grader account may have runners and nothing else, everybody else anything but runners.
    """
    if not isinstance(options, Mapping):
        raise OptionsRefusedError("option_unknown")
    if is_grader:
        if dict(options) != {"kind": "grading"} or factory.grading is None:
            raise OptionsRefusedError("option_unknown")
        return grading_request(factory, factory.grading)
    kind = options.get("kind", "session")
    if type(kind) is not str or kind not in {"session", "check"}:
        raise OptionsRefusedError("option_unknown")
    is_check = kind == "check"
    if not options.keys() <= SESSION_KEYS | ({"code"} if is_check else set()):
        raise OptionsRefusedError("option_unknown")
    partition, flavour = find_flavour(options, factory)
    account_kind = check_unix_account(options.get("unix_account"), factory)
    if is_check and account_kind is not AccountKind.OWN:
        raise OptionsRefusedError("unix_account_refused")
    return SpawnRequest(
        kind=kind,
        partition=partition.name,
        flavour=flavour,
        minutes=CHECK_MINUTES if is_check else check_minutes(options.get("minutes"), flavour),
        account=check_listed(options.get("account"), factory.accounts, "account_unknown"),
        qos=check_listed(options.get("qos", ""), ("", *factory.qos), "qos_unknown"),
        reservation=check_reservation(options.get("reservation", ""), factory),
        unix_account=str(options["unix_account"]),
        account_kind=account_kind,
        lease=check_lease(options.get("lease", ""), needs_one=account_kind is not AccountKind.OWN),
        tools=check_tools(options.get("tools", []), factory.nodes.tools),
        code=check_code(options.get("code")) if is_check else "",
    )


def grading_request(factory: FactoryFile, grading: Grading) -> SpawnRequest:
    partition = factory.find_partition(grading.partition)
    flavour = partition.find_flavour(grading.flavour) if partition else None
    if flavour is None:
        raise OptionsRefusedError("flavour_unknown")
    return SpawnRequest(
        kind="grading",
        partition=grading.partition,
        flavour=flavour,
        minutes=grading.minutes,
        account=grading.account,
        qos=grading.qos,
        reservation="",
        unix_account=grading.unix_account,
        account_kind=AccountKind.GRADER,
        lease="",
        tools=(),
    )


def find_flavour(options: Mapping[object, object], factory: FactoryFile) -> tuple[Partition, Flavour]:
    name, slug = options.get("partition"), options.get("flavour")
    partition = factory.find_partition(name) if isinstance(name, str) else None
    if partition is None:
        raise OptionsRefusedError("partition_unknown")
    flavour = partition.find_flavour(slug) if isinstance(slug, str) else None
    if flavour is None:
        raise OptionsRefusedError("flavour_unknown")
    return partition, flavour


def check_minutes(minutes: object, flavour: Flavour) -> int:
    if type(minutes) is not int or minutes < 1:  # True is an int too
        raise OptionsRefusedError("option_unknown")
    if minutes > flavour.minutes_max:
        raise OptionsRefusedError("minutes_too_many")
    return minutes


def check_listed(value: object, offered: tuple[str, ...], reason: str) -> str:
    if not isinstance(value, str) or value not in offered:
        raise OptionsRefusedError(reason)
    return value


def check_reservation(value: object, factory: FactoryFile) -> str:
    if value == "":
        return ""
    is_name = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", value)
    if not is_name or not any(re.fullmatch(pattern, str(value)) for pattern in factory.reservations):
        raise OptionsRefusedError("reservation_unknown")
    return str(value)


def check_unix_account(value: object, factory: FactoryFile) -> AccountKind:
    kind = find_kind(factory, value) if isinstance(value, str) else None
    if kind is None:
        raise OptionsRefusedError("unix_account_refused")
    return kind


def check_lease(value: object, *, needs_one: bool) -> str:
    """Whose turn an account is in, as an account that is lent is cleaned between two of them."""
    if value == "" and not needs_one:
        return ""
    if not isinstance(value, str) or not re.fullmatch(LEASE, value):
        raise OptionsRefusedError("unix_account_refused")
    return value


def check_code(value: object) -> str:
    """What the account's owner is to have put into its home; empty where nothing has to be there, which is said too."""
    if not isinstance(value, str) or not re.fullmatch(CODE, value):
        raise OptionsRefusedError("option_unknown")
    return value


def check_tools(value: object, offered: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(tool, str) and tool in offered for tool in value):
        raise OptionsRefusedError("option_unknown")
    return tuple(dict.fromkeys(value))
