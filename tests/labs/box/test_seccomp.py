"""The filter of system calls, run by the few instructions of its machine that it uses."""

import errno
import fcntl
import struct

import pytest

from labs.box.seccomp import build_filter
from labs.exceptions import BoxUnavailableError

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW = 0x7FFF0000
# (x86-64, aarch64), from the machine's own headers.
READ, UNSHARE, CLONE, CLONE3, SOCKET = (0, 63), (272, 97), (56, 220), (435, 435), (41, 198)
MEMFD, SEMGET, IO_SETUP, SOCKETPAIR = (319, 279), (64, 190), (206, 0), (53, 199)
PREADV2, MINCORE, CACHESTAT, FADVISE, MADVISE = (327, 286), (27, 232), (451, 451), (221, 223), (28, 233)
INOTIFY, ADD_WATCH, FCNTL = (294, 26), (254, 27), (72, 25)


def refuse(number: int) -> int:
    return 0x00050000 | number


def judge(
    machine: str,
    call: tuple[int, int],
    argument: int = 0,
    second: int = 0,
    third: int = 0,
    fourth: int = 0,
    *,
    audit: int | None = None,
) -> int:
    """What the filter answers to a call, as struct seccomp_data lays it out."""
    number = call[0 if machine == "x86_64" else 1]
    data = struct.pack(
        "=IIQ6Q", number, AUDIT[machine] if audit is None else audit, 0, argument, second, third, fourth, 0, 0
    )
    program = build_filter(machine)
    instructions = [struct.unpack_from("=HBBI", program, place) for place in range(0, len(program), 8)]
    place = value = 0
    while True:
        opcode, if_true, if_false, operand = instructions[place]
        place += 1
        if opcode == 0x20:
            value = struct.unpack_from("=I", data, operand)[0]
        elif opcode == 0x06:
            return int(operand)
        else:
            is_true = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[opcode]
            place += if_true if is_true else if_false


@pytest.mark.parametrize("machine", AUDIT)
def test_ordinary_calls_pass_and_doors_are_shut(machine: str) -> None:
    assert judge(machine, READ) == ALLOW
    assert judge(machine, UNSHARE) == refuse(errno.EPERM)
    for memory in (MEMFD, SEMGET, IO_SETUP):
        assert judge(machine, memory) == refuse(errno.EPERM)


@pytest.mark.parametrize("machine", AUDIT)
def test_processes_and_threads_may_be_made_but_no_namespaces(machine: str) -> None:
    assert judge(machine, CLONE, 0x003D0F00) == ALLOW
    assert judge(machine, CLONE, 0x10000000) == refuse(errno.EPERM)
    assert judge(machine, CLONE3) == refuse(errno.ENOSYS)


@pytest.mark.parametrize("machine", AUDIT)
@pytest.mark.parametrize(
    ("family", "passes"), [(1, True), (2, True), (10, True), (16, True), (40, False), (17, False)]
)
def test_only_sockets_that_end_in_the_box_can_be_made(machine: str, family: int, passes: bool) -> None:
    for call in (SOCKET, SOCKETPAIR):
        assert judge(machine, call, family) == (ALLOW if passes else refuse(errno.EAFNOSUPPORT))


@pytest.mark.parametrize("machine", AUDIT)
def test_of_netlink_only_the_addresses_of_interfaces_can_be_asked_for(machine: str) -> None:
    assert judge(machine, SOCKET, 16, third=0) == ALLOW
    assert judge(machine, SOCKET, 16, third=12) == refuse(errno.EAFNOSUPPORT)


@pytest.mark.parametrize("machine", AUDIT)
def test_what_another_box_has_read_cannot_be_asked_nor_the_cache_emptied(machine: str) -> None:
    for call in (PREADV2, MINCORE, CACHESTAT):
        assert judge(machine, call) == refuse(errno.EPERM)
    for advice in range(30):
        assert judge(machine, FADVISE, fourth=advice) == (refuse(errno.EPERM) if advice == 4 else ALLOW)
        assert judge(machine, MADVISE, third=advice) == (refuse(errno.EPERM) if advice == 21 else ALLOW)


@pytest.mark.parametrize("machine", AUDIT)
def test_nobody_is_told_what_another_box_opens_nor_holds_it_up(machine: str) -> None:
    for call in (INOTIFY, ADD_WATCH):
        assert judge(machine, call) == refuse(errno.EPERM)
    refused = [command for command in range(1100) if judge(machine, FCNTL, second=command) != ALLOW]
    assert refused == [fcntl.F_SETLEASE, fcntl.F_NOTIFY]


def test_calls_of_another_architecture_are_refused() -> None:
    assert judge("x86_64", READ, audit=0x40000003) == refuse(errno.EPERM)
    assert judge("x86_64", (0x40000000, 0)) == refuse(errno.EPERM)


def test_on_a_processor_whose_calls_are_not_known_nothing_is_boxed() -> None:
    with pytest.raises(BoxUnavailableError):
        build_filter("riscv64")
