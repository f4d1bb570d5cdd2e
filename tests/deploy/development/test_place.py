"""Ports, folders and the sentences about them."""

import socket
import stat
from pathlib import Path

import pytest

from deploy.development.place import Place, PlaceError


def test_the_defaults_are_what_the_readme_says(tmp_path: Path) -> None:
    place = Place.from_environment({})

    assert place.origin == "http://localhost:8000"
    assert [hub.origin for hub in place.hubs] == [
        "http://kajaani.localhost:8010",
        "http://athens.localhost:8020",
    ]
    assert place.data.name == "data"


def test_every_port_follows_from_one(tmp_path: Path) -> None:
    place = Place.from_environment({"PAJA_PORT": "9000", "PAJA_DATA": str(tmp_path)})

    ports = {
        place.port,
        *(port for hub in place.hubs for port in (hub.port, hub.proxy_api_port, hub.hub_port)),
    }
    assert ports == {9000, 9010, 9011, 9012, 9020, 9021, 9022}


@pytest.mark.parametrize("port", ["", "http", "80", "65530", "-1", "8000.5"])
def test_a_port_that_cannot_be_is_refused_by_name(port: str) -> None:
    with pytest.raises(PlaceError, match="PAJA_PORT"):
        Place.from_environment({"PAJA_PORT": port})


def test_the_accounts_of_two_factories_are_apart() -> None:
    first, second = (hub.first_uid for hub in Place(8000, Path("data")).hubs)

    assert abs(first - second) >= 10_000


def test_sockets_have_short_paths_however_deep_the_data_lies(tmp_path: Path) -> None:
    place = Place(port=8000, data=tmp_path / ("deep/" * 30))

    assert len(str(place.runtime / "supervisor.sock")) < 107
    assert place.runtime != Place(port=8000, data=tmp_path).runtime


def test_nobody_else_may_look_into_data_and_sockets(tmp_path: Path) -> None:
    place = Place(port=8000, data=tmp_path / "data")
    place.make_folders()
    place.make_folders()

    assert stat.S_IMODE(place.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(place.runtime.stat().st_mode) == 0o700
    place.runtime.rmdir()


@pytest.mark.live
def test_a_port_that_another_program_has_is_named_with_its_purpose(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        place = Place(port=other.getsockname()[1] - 10, data=tmp_path)

        with pytest.raises(PlaceError, match=rf"{place.port + 10} \(the proxy of kajaani\)"):
            place.check_ports()


def test_slurm_has_ports_and_data_of_its_own_beside_pajas(tmp_path: Path) -> None:
    place = Place.from_environment({"PAJA_SLURM": "1", "PAJA_PORT": "9000", "PAJA_DATA": str(tmp_path)})

    assert place.slurm is not None
    assert not {9000, 9010, 9011, 9012, 9020, 9021, 9022} & set(place.slurm.ports)
    assert place.slurm.data == tmp_path / "slurm"
    assert place.slurm.owner is not None, "it is over when this process is"
    assert Place.from_environment({"PAJA_DATA": str(tmp_path)}).slurm is None


def test_with_slurm_the_data_is_another_folder() -> None:
    assert Place.from_environment({"PAJA_SLURM": "1"}).data.name == "data-slurm"


@pytest.mark.parametrize(
    ("name", "text"), [("NODES", "9"), ("NODES", "two"), ("PORT", "80"), ("PEOPLE", "0"), ("SUFFIX", "B c")]
)
def test_a_slurm_that_cannot_be_is_refused(name: str, text: str) -> None:
    with pytest.raises(PlaceError, match="PAJA_SLURM"):
        Place.from_environment({"PAJA_SLURM": "1", f"PAJA_SLURM_{name}": text})
