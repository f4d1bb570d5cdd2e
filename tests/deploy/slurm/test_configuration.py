"""The daemons' files, the sites' factory files with this machine's paths in them, and the place of it all."""

import tomllib
from pathlib import Path

import pytest

from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.slurm import configuration, node_view
from deploy.slurm.factory_files import FOLDER, fill_in, to_toml
from deploy.slurm.place import ClusterError, ClusterPlace
from deploy.slurm.plan import NODES_MAX

HUB = "http://127.0.0.1:8012/hub/api"


@pytest.fixture
def place(tmp_path: Path) -> ClusterPlace:
    return ClusterPlace(data=tmp_path, base_port=8030, nodes=NODES_MAX, people=3, suffix="b")


def test_sockets_have_short_paths_however_deep_the_data_lies(tmp_path: Path) -> None:
    place = ClusterPlace(data=tmp_path / ("deep/" * 40), base_port=8030)
    spool = place.run / "kajaani" / "spool" / "kajaani-g8" / "kajaani-g8_1000000.4294967291"

    assert max(len(str(path)) for path in (place.munge_socket, place.database_socket, spool)) < 107
    assert place.run != ClusterPlace(data=tmp_path, base_port=8030).run


def test_no_port_is_given_twice_and_all_are_on_loopback(place: ClusterPlace) -> None:
    ports = [place.accounting_port]
    for cluster in place.clusters:
        ports += [place.controller_port(cluster.name), *place.node_ports(cluster).values()]

    assert len(set(ports)) == len(ports)
    assert set(ports) <= set(place.ports)
    for cluster in place.clusters:
        text = configuration.slurm_conf(place, cluster)
        assert text.count("NodeAddr=127.0.0.1") == text.count("NodeName=")
        assert "CommunicationParameters=NoInAddrAny" in text


def test_all_nodes_together_are_a_class_of_128_gpus(place: ClusterPlace) -> None:
    gpus = [
        kind.count * kind.gpus for cluster in place.clusters for kind in cluster.kinds if kind.letter == "g"
    ]

    assert sum(gpus) == 128


def test_each_gpu_of_a_node_is_a_device(place: ClusterPlace) -> None:
    text = configuration.gres_conf(place, place.clusters[0])

    assert f"Type=mi250 File={place.run}/gpus/gpu[0-7]" in text
    assert "kajaani-c1" not in text


@pytest.mark.parametrize(
    "wrong", [{"base_port": 80}, {"nodes": 0}, {"nodes": NODES_MAX + 1}, {"people": 0}, {"suffix": "B"}]
)
def test_a_place_that_cannot_be_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ClusterError):
        ClusterPlace(**{"data": tmp_path, "base_port": 8030, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("site", ["kajaani", "athens"])
def test_the_sites_own_files_are_read_by_the_hub(site: str) -> None:
    file = FactoryFile.read(FOLDER / f"{site}.toml")

    assert all(each.is_unconfirmed for each in file.partitions) == (site == "athens")
    assert any(flavour.is_slice for each in file.partitions for flavour in each.flavours) == (
        site == "athens"
    )


def test_lumis_flavours_are_what_lumi_gives_to_a_gcd_and_cost_what_it_says() -> None:
    file = FactoryFile.read(FOLDER / "kajaani.toml")

    for partition in file.partitions:
        for flavour in partition.flavours:
            if not flavour.gpus:
                continue
            assert flavour.cores == 7 * flavour.gpus
            assert flavour.memory_gb == 60 * flavour.gpus
            price = 0.5 * max(flavour.cores / 8, flavour.memory_gb / 64, flavour.gpus)
            assert flavour.weight == price, (partition.name, flavour.slug)


def test_the_hub_reads_what_is_written_for_this_machine(place: ClusterPlace, tmp_path: Path) -> None:
    for cluster in place.clusters:
        path = tmp_path / f"{cluster.name}.toml"
        path.write_text(to_toml(fill_in(place, cluster, HUB, pace_seconds=2)))

        file = FactoryFile.read(path)

        assert file.conf == str(place.conf(cluster.name))
        assert file.pace_seconds == 2
        assert file.nodes.python == str(node_view.LAB / "bin" / "python")
        assert file.nodes.hub_api_url == HUB
        assert file.unix.robot is not None
        assert file.unix.robot.name == f"robot{cluster.name[:3]}b"
    assert file.unix.pool == ("train01b", "train02b", "train03b")


def test_partitions_of_the_files_are_those_of_the_clusters(place: ClusterPlace) -> None:
    for cluster in place.clusters:
        file = FactoryFile.read(FOLDER / f"{cluster.name}.toml")

        assert [each.name for each in file.partitions] == [each.name for each in cluster.partitions]
        assert set(file.accounts) == set(cluster.accounts)
        assert set(file.qos) <= {each.name for each in cluster.qos}


def test_what_is_written_as_toml_is_read_back_as_it_was() -> None:
    values = {
        "text": 'with "quotes" and \\',
        "number": 1,
        "share": 0.5,
        "is_true": True,
        "list": ["a", "b"],
        "table": {"below": {"deep": "x"}, "empty": []},
        "tables": [{"name": "a", "inner": [{"slug": "b"}]}, {"name": "c", "inner": []}],
    }

    assert tomllib.loads(to_toml(values)) == values
