"""The system calls that learners' code has no use for, as a filter that bubblewrap loads.

What is refused falls in four groups: making namespaces and mounts; doors into the machine's kernel or into
other processes; memory that no process's size shows (memfd, System V segments and semaphores, asynchronous requests),
which the watcher could not see; whatever tells one box what another reads of the files that both are shown, or holds
it up over them: the machine's cache of files, notices of what is opened, leases.
"""

import errno
import platform
import struct
from collections.abc import Iterator
from typing import Final

from labs.exceptions import BoxUnavailableError

# Numbers of (x86-64, aarch64), from Linux's asm/unistd_64.h and asm-generic/unistd.h; None where there is no such call.
_REFUSED: Final[dict[str, tuple[int, int | None]]] = {
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "vmsplice": (278, 75),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "personality": (135, 92),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "io_setup": (206, 0),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18),
    "quotactl_fd": (443, 443),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "open_tree_attr": (467, 467),
    "preadv2": (327, 286),
    "mincore": (27, 232),
    "cachestat": (451, 451),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "vhangup": (153, 58),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "nfsservctl": (180, 42),
    "modify_ldt": (154, None),
    "ioperm": (173, None),
    "iopl": (172, None),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
}
_CLONE: Final = (56, 220)
_CLONE3: Final = (435, 435)
# Refused with these only: POSIX_FADV_DONTNEED of linux/fadvise.h, MADV_PAGEOUT of asm/mman-common.h, F_SETLEASE and
# F_NOTIFY of linux/fcntl.h. A lease is for who owns the file, and boxes of a user own the environment.
_FADVISE, _DONT_NEED = (221, 223), 4
_MADVISE, _PAGE_OUT = (28, 233), 21
_FCNTL, _SET_LEASE, _NOTIFY = (72, 25), 1024, 1026
_SOCKET: Final = (41, 198)
_SOCKETPAIR: Final = (53, 199)

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET of linux/sched.h.
_NAMESPACE_FLAGS: Final = 0x7E020000
# AF_UNIX, AF_INET and AF_INET6: all of them end at the box's own empty network namespace. AF_VSOCK
# would not, it reaches the hypervisor.
_FAMILIES: Final = (1, 2, 10)
# Of AF_NETLINK's protocols only NETLINK_ROUTE, which libraries ask for the addresses of interfaces.
_NETLINK, _NETLINK_ROUTE = 16, 0

_ARCHITECTURES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32_BIT: Final = 0x40000000

# Opcodes of linux/bpf_common.h and offsets in struct seccomp_data.
_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_FIRST_ARGUMENT, _SECOND_ARGUMENT, _THIRD_ARGUMENT, _FOURTH_ARGUMENT = 16, 24, 32, 40
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000


def build_filter(machine: str = "") -> bytes:
    """The filter as `struct sock_filter[]`. Raises BoxUnavailableError for a processor whose calls are not known."""
    architecture = _ARCHITECTURES.get(machine or platform.machine())
    if architecture is None:
        raise BoxUnavailableError(f"no list of system calls for {machine or platform.machine()}")
    return b"".join(_instructions(*architecture))


def _instructions(audit: int, column: int) -> Iterator[bytes]:
    refuse = _ERRNO | errno.EPERM
    yield _instruction(_LOAD, _ARCHITECTURE)
    yield _instruction(_JUMP_EQUAL, audit, 1, 0)
    yield _instruction(_RETURN, refuse)
    yield _instruction(_LOAD, _NUMBER)
    yield _instruction(_JUMP_GREATER_EQUAL, _X32_BIT, 0, 1)
    yield _instruction(_RETURN, refuse)
    for number in [numbers[column] for numbers in _REFUSED.values()]:
        if number is not None:
            yield _instruction(_JUMP_EQUAL, number, 0, 1)
            yield _instruction(_RETURN, refuse)
    # "No such call" makes the C library fall back to clone, whose flags a filter can read.
    yield _instruction(_JUMP_EQUAL, _CLONE3[column], 0, 1)
    yield _instruction(_RETURN, _ERRNO | errno.ENOSYS)
    for call, argument, test, values in (
        (_CLONE, _FIRST_ARGUMENT, _JUMP_SET, [_NAMESPACE_FLAGS]),
        (_FADVISE, _FOURTH_ARGUMENT, _JUMP_EQUAL, [_DONT_NEED]),
        (_MADVISE, _THIRD_ARGUMENT, _JUMP_EQUAL, [_PAGE_OUT]),
        (_FCNTL, _SECOND_ARGUMENT, _JUMP_EQUAL, [_SET_LEASE, _NOTIFY]),
    ):
        yield _instruction(_JUMP_EQUAL, call[column], 0, 2 * len(values) + 2)
        yield _instruction(_LOAD, argument)
        for value in values:
            yield _instruction(test, value, 0, 1)
            yield _instruction(_RETURN, refuse)
        yield _instruction(_RETURN, _ALLOW)
    yield _instruction(_JUMP_EQUAL, _SOCKET[column], 1, 0)
    yield _instruction(_JUMP_EQUAL, _SOCKETPAIR[column], 0, len(_FAMILIES) + 5)
    yield _instruction(_LOAD, _FIRST_ARGUMENT)
    yield _instruction(_JUMP_EQUAL, _NETLINK, 0, 2)
    yield _instruction(_LOAD, _THIRD_ARGUMENT)
    yield _instruction(_JUMP_EQUAL, _NETLINK_ROUTE, len(_FAMILIES) + 1, len(_FAMILIES))
    for position, family in enumerate(_FAMILIES):
        yield _instruction(_JUMP_EQUAL, family, len(_FAMILIES) - position, 0)
    yield _instruction(_RETURN, _ERRNO | errno.EAFNOSUPPORT)
    yield _instruction(_RETURN, _ALLOW)


def _instruction(opcode: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", opcode, if_true, if_false, value)
