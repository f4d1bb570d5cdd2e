"""How Slurm writes a time, a limit, a list of nodes and a count of GPUs. What is none of these is no answer."""

import re
from datetime import UTC, datetime

from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError

NOTHING = frozenset({"", "N/A", "n/a", "Unknown", "None", "NONE", "(null)", "None assigned", "None Assigned"})
ENDLESS = frozenset({"UNLIMITED", "infinite", "INFINITE"})
LIMIT = re.compile(r"(?:(?P<days>\d{1,5})-)?(?P<parts>\d{1,6}(?::\d{2}){0,2})")
LATEST = 32_503_680_000  # the year 3000, in seconds
HOSTS_MAX = 20_000
REASON_MAX = 128
HOST_PIECE = re.compile(
    r"(?P<before>[A-Za-z0-9_.-]*)(?:\[(?P<ranges>[0-9,-]+)\](?P<after>[A-Za-z0-9_.\[\],-]*))?"
)
RANGE = re.compile(r"(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?")
# `gpu:8`, `gpu:mi250x:8(S:0-3)`, `gpu:1g.12gb:7(IDX:0-6)`, `gpu:h100:no_consume:4`; the count may be `1K`.
GRES = re.compile(r"gpu(?::[^:(]+)*?:(?P<count>\d{1,9})(?P<unit>[KM]?)(?:\([^)]*\))?")
GRES_SPLIT = re.compile(r",(?![^(]*\))")
UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}


def read_time(text: str) -> datetime | None:
    """From seconds of the epoch, as `SLURM_TIME_FORMAT=%s` has them in every time zone; None where there is none.

    Whoever may submit may ask for a start in the year 9999 too: none as well, and no reason to hear nobody.
    """
    if text in NOTHING:
        return None
    seconds = read_number(text)
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds <= LATEST else None


def read_minutes(text: str) -> int | None:
    """From `3-00:00:00`, `3-00`, `03:00:00`, `30:00` or `30`, seconds counting as a minute; None for no limit."""
    if text in ENDLESS or text in NOTHING:
        return None
    match = LIMIT.fullmatch(text)
    if match is None:
        raise SchedulerUnavailableError(f"no time limit: {text[:40]!r}")
    parts = [int(part) for part in match["parts"].split(":")]
    if match["days"] is not None:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
        return int(match["days"]) * 1440 + hours * 60 + minutes + (seconds > 0)
    if len(parts) == 3:
        return parts[0] * 60 + parts[1] + (parts[2] > 0)
    return parts[0] + (len(parts) == 2 and parts[1] > 0)


def read_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise SchedulerUnavailableError(f"no number: {text[:40]!r}")
    return int(text)


def read_reason(text: str) -> str:
    """Why a job waits, in Slurm's words; of a list of a thousand nodes the beginning is enough."""
    return "" if text in NOTHING else text[:REASON_MAX]


def count_gres_gpus(text: str) -> int:
    """GPUs and slices of GPUs of every type in a node's gres; what shares a GPU (`shard`, `mps`) is none."""
    count = 0
    for piece in () if text in NOTHING else GRES_SPLIT.split(text):
        if not piece.startswith("gpu"):
            continue
        match = GRES.fullmatch(piece)
        if match is None:
            raise SchedulerUnavailableError(f"no count of GPUs: {piece[:80]!r}")
        count += int(match["count"]) * UNITS[match["unit"]]
    return count


def count_tres_gpus(text: str) -> int:
    """GPUs of a job's TRES: `gres/gpu=2` counts all types; where it is missing, its types do."""
    everything, by_type = 0, 0
    for piece in text.split(","):
        name, _, value = piece.partition("=")
        if name == "gres/gpu":
            everything = read_number(value)
        elif name.startswith("gres/gpu:"):
            by_type += read_number(value)
    return everything or by_type


def expand_hosts(text: str) -> tuple[str, ...]:
    """The nodes of `nid[005000-005003,005010],gpu1`, each by its name."""
    if text in NOTHING or text.startswith("("):
        return ()
    hosts: list[str] = []
    for piece in re.split(r",(?![^\[]*\])", text):
        hosts += expand_piece(piece)
        if len(hosts) > HOSTS_MAX:
            raise SchedulerUnavailableError("a list of nodes without end")
    return tuple(hosts)


def expand_piece(piece: str) -> list[str]:
    match = HOST_PIECE.fullmatch(piece)
    if match is None or not piece:
        raise SchedulerUnavailableError(f"no list of nodes: {piece[:80]!r}")
    if match["ranges"] is None:
        return [piece]
    after = expand_piece(match["after"]) if match["after"] else [""]
    numbers = expand_ranges(match["ranges"])
    if len(numbers) * len(after) > HOSTS_MAX:
        raise SchedulerUnavailableError("a list of nodes without end")
    return [f"{match['before']}{number}{rest}" for number in numbers for rest in after]


def expand_ranges(text: str) -> list[str]:
    numbers: list[str] = []
    for piece in text.split(","):
        match = RANGE.fullmatch(piece)
        if match is None:
            raise SchedulerUnavailableError(f"no list of nodes: {text[:80]!r}")
        first, last = match["first"], match["last"] or match["first"]
        if not 0 <= int(last) - int(first) < HOSTS_MAX - len(numbers):
            raise SchedulerUnavailableError("a list of nodes without end")
        numbers += [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
    return numbers
