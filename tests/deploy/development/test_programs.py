"""What a hub of `make run` is told about its Slurm."""

from pathlib import Path

from deploy.development.place import Place
from deploy.development.programs import jupyterhub


def environment_of_hub(place: Place) -> dict[str, str]:
    names = ("proxy_token_athens", "hub_token_athens", "hub_oidc_secret_athens")
    return jupyterhub(place, place.hubs[1], {name: Path("/secrets", name) for name in names}).environment


def test_a_hub_on_slurm_reads_the_file_of_its_own_factory(tmp_path: Path) -> None:
    place = Place.from_environment({"PAJA_SLURM": "1", "PAJA_DATA": str(tmp_path)})
    assert place.slurm is not None

    told = environment_of_hub(place)["PAJA_HUB_FACTORY_FILE"]

    assert told == str(place.slurm.run / "athens" / "factory.toml")


def test_a_hub_without_slurm_is_told_of_no_file(tmp_path: Path) -> None:
    place = Place.from_environment({"PAJA_DATA": str(tmp_path)})

    assert "PAJA_HUB_FACTORY_FILE" not in environment_of_hub(place)
