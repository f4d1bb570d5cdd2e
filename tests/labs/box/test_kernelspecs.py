"""Which kernels an environment has, and how they are started."""

import json
import logging
from pathlib import Path

import pytest

from labs.box import BoxEnvironment
from labs.box.kernelspecs import choose_kernel, find_kernel, list_kernels

TOLD = {"argv": ["Rscript", "-f", "{connection_file}"], "language": "R", "env": {"R_HOME": "/x"}}


def install(prefix: Path, name: str, told: object) -> Path:
    folder = prefix / "share" / "jupyter" / "kernels" / name
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(told))
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> BoxEnvironment:
    return BoxEnvironment(tmp_path / "bin" / "python")


def test_pythons_kernel_needs_no_description(environment: BoxEnvironment) -> None:
    spec = find_kernel(environment, "python3")
    assert spec is not None
    assert spec.argv[0] == str(environment.python)
    assert (spec.language, spec.interrupt_mode) == ("python", "message")


def test_another_kernel_is_what_its_description_says(environment: BoxEnvironment, tmp_path: Path) -> None:
    install(tmp_path, "ir", TOLD)
    spec = find_kernel(environment, "IR")
    assert spec is not None
    assert (spec.name, spec.language, spec.interrupt_mode) == ("IR", "R", "signal")
    assert spec.argv == ("Rscript", "-f", "{connection_file}")
    assert spec.env == {"R_HOME": "/x"}


def test_a_kernel_written_in_python_is_started_without_the_working_folder_in_its_path(
    environment: BoxEnvironment, tmp_path: Path
) -> None:
    told = {**TOLD, "argv": ["python", "-m", "some_kernel", "{resource_dir}/x"], "interrupt_mode": "message"}
    folder = install(tmp_path, "some", told)
    spec = find_kernel(environment, "some")
    assert spec is not None
    assert spec.argv[:2] == (str(environment.python), "-c")
    assert spec.argv[3:] == ("some_kernel", f"{folder}/x")
    assert spec.interrupt_mode == "message"


def test_all_kernels_are_listed_pythons_first(environment: BoxEnvironment, tmp_path: Path) -> None:
    assert list_kernels(environment) == ["python3"]
    for name, told in [("python3", TOLD), ("xeus", TOLD), ("ir", TOLD), ("broken", {})]:
        install(tmp_path, name, told)
    assert list_kernels(environment) == ["python3", "ir", "xeus"]


@pytest.mark.parametrize("name", ["", ".", "..", "../../kernels/ir", "ir/", "nowhere", "i\0r"])
def test_what_is_not_there_is_not_found(environment: BoxEnvironment, tmp_path: Path, name: str) -> None:
    install(tmp_path, "ir", TOLD)
    assert find_kernel(environment, name) is None


@pytest.mark.parametrize("told", [[], {}, {"argv": [], "language": "R"}, {**TOLD, "env": 3}])
def test_a_description_that_is_none_is_no_kernel(
    environment: BoxEnvironment, tmp_path: Path, told: object, caplog: pytest.LogCaptureFixture
) -> None:
    install(tmp_path, "ir", told)
    with caplog.at_level(logging.ERROR):
        assert find_kernel(environment, "ir") is None
    assert "no kernel's description" in caplog.text


def test_a_notebook_gets_the_kernel_that_it_names_else_pythons_if_it_is_in_python(
    environment: BoxEnvironment, tmp_path: Path
) -> None:
    install(tmp_path, "ir", TOLD)

    def chosen(metadata: dict[str, object]) -> str:
        spec = choose_kernel(environment, metadata)
        return spec.name if spec else "none"

    assert chosen({}) == "python3"
    assert chosen({"kernelspec": {"name": "ir", "language": "R"}}) == "ir"
    assert chosen({"kernelspec": {"name": "my-conda", "language": "python"}}) == "python3"
    assert chosen({"kernelspec": {"name": "my-conda"}, "language_info": {"name": "Python"}}) == "python3"
    assert chosen({"kernelspec": {"name": "julia-1.10", "language": "julia"}}) == "none"
    assert chosen({"language_info": {"name": "julia"}}) == "none"
