"""A box on a machine with accelerators: it has those that it is given, and no others do."""

from pathlib import Path

import pytest

from labs.box import BoxEnvironment, BoxLimits
from labs.box.bubblewrap import build_command
from labs.box.ceilings import make_ceilings
from labs.box.identity import Identity

DEVICES = ("/dev/nvidia0", "/dev/nvidiactl")


def list_options(environment: BoxEnvironment) -> list[tuple[str, ...]]:
    argv = build_command(
        environment,
        BoxLimits(),
        Identity(uid=1000),
        variables={},
        texts={},
        info_fd=3,
        seccomp_fd=4,
        command=["true"],
    )
    return [tuple(argv[place : place + 3]) for place in range(len(argv))]


@pytest.fixture
def python(tmp_path: Path) -> Path:
    path = tmp_path / "lab" / "bin" / "python"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_a_box_has_its_devices_and_what_libraries_read_for_them(python: Path) -> None:
    options = list_options(BoxEnvironment(python, devices=DEVICES, mounts=("/sys/class/kfd",)))

    assert [option for option in options if option[0] == "--dev-bind"] == [
        ("--dev-bind", device, device) for device in DEVICES
    ]
    assert ("--ro-bind", "/sys/class/kfd", "/sys/class/kfd") in options
    # Else a folder of the box could still be written to that has no limit of size.
    assert options.index(("--dev-bind", *DEVICES[-1:] * 2)) < options.index(
        ("--remount-ro", "/dev", "--remount-ro")
    )


def test_a_box_without_devices_has_none_and_a_limit_of_address_space(python: Path) -> None:
    assert not [option for option in list_options(BoxEnvironment(python)) if option[0] == "--dev-bind"]
    assert "RLIMIT_AS" in make_ceilings(BoxLimits())


def test_the_address_space_of_a_box_with_devices_is_not_limited() -> None:
    """Drivers reserve as much as the accelerator has; what is used, the watcher counts."""
    assert "RLIMIT_AS" not in make_ceilings(BoxLimits(), has_devices=True)
