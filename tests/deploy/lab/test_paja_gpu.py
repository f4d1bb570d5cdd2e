"""Which GPUs a notebook has, and what it says: with torch of either maker, commands, files of the kernel, nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import deploy.lab.paja_gpu as paja_gpu
from deploy.lab.paja_gpu import NoGpuError, check, find_gpus
from deploy.lab.paja_gpu.amd import read_files as read_amd_files
from deploy.lab.paja_gpu.finding import GIVEN_BY, look
from deploy.lab.paja_gpu.listing import Gpu
from deploy.lab.paja_gpu.nvidia import read_files as read_nvidia_files
from deploy.lab.paja_gpu.words import WORDS, choose_words

ANSWERS = Path(__file__).parent / "answers"
"""In the form that the makers' commands have; of machines that do not exist."""
H100 = Gpu("NVIDIA H100 80GB HBM3", 80)
GCD = Gpu("AMD INSTINCT MI250 (MCM) OAM AC MBA", 64)

TORCH = """
class Properties:
    name, total_memory = {name!r}, {memory}

class cuda:
    is_available = staticmethod(lambda: {count} > 0)
    device_count = staticmethod(lambda: {count})
    get_device_properties = staticmethod(lambda number: Properties)
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """No commands, no torch, nothing given; a folder for those that a test brings."""
    for name in (*GIVEN_BY, "PAJA_LANGUAGE", "LAB_MACHINE"):
        monkeypatch.delenv(name, raising=False)
    commands = tmp_path / "bin"
    commands.mkdir()
    monkeypatch.setenv("PATH", str(commands))
    monkeypatch.setattr("deploy.lab.paja_gpu.nvidia.read_files", lambda root: [])
    monkeypatch.setattr("deploy.lab.paja_gpu.amd.read_files", lambda root: [])
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    yield tmp_path
    sys.modules.pop("torch", None)


def have_torch(
    folder: Path, *, name: str = "AMD Instinct MI250X", memory: int = 64 * 2**30, count: int = 1
) -> None:
    (folder / "modules").mkdir(exist_ok=True)
    (folder / "modules" / "torch.py").write_text(TORCH.format(name=name, memory=memory, count=count))


def have_command(folder: Path, name: str, answers: Mapping[str, str]) -> None:
    """A command that prints an answer by its first argument."""
    cases = "".join(f'"{first}"*) /bin/cat "{ANSWERS / file}" ;;\n' for first, file in answers.items())
    script = folder / "bin" / name
    script.write_text(f'#!/bin/sh\ncase "$1" in\n{cases}*) exit 1 ;;\nesac\n')
    script.chmod(0o755)


def have_nvidia(folder: Path, machine: str) -> None:
    have_command(folder, "nvidia-smi", {"--query": f"{machine}-memory.csv", "-L": f"{machine}-list.txt"})


def have_rocm(folder: Path) -> None:
    have_command(folder, "rocm-smi", {"--showproductname": "rocm-smi.json"})


def write(file: Path, text: str = "") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_without_commands_amd_s_driver_tells_of_the_nodes_that_may_be_read(tmp_path: Path) -> None:
    nodes = tmp_path / "sys/class/kfd/kfd/topology/nodes"
    write(nodes / "0" / "properties", "cpu_cores_count 64\nsimd_count 0\n")
    write(nodes / "1" / "properties", "cpu_cores_count 0\nsimd_count 440\ngfx_target_version 90010\n")
    write(nodes / "1" / "mem_banks" / "0" / "properties", "heap_type 1\nsize_in_bytes 68702699520\n")
    write(nodes / "2" / "name", "of another job")
    assert read_amd_files(tmp_path) == []

    write(tmp_path / "dev" / "kfd")
    (found,) = read_amd_files(tmp_path)
    assert (found.gpu, found.ids) == (Gpu("AMD GPU (gfx90a)", 64), ("0",))


def test_without_commands_nvidia_s_driver_tells_where_its_device_can_be_opened(tmp_path: Path) -> None:
    told = "Model: \t\t NVIDIA GH200 480GB\nIRQ:   \t\t 42\nGPU UUID: \t GPU-7c3e1d2f-8a9b\n"
    write(tmp_path / "proc/driver/nvidia/gpus/0009:01:00.0/information", told)
    assert read_nvidia_files(tmp_path) == []

    write(tmp_path / "dev" / "nvidiactl")
    (found,) = read_nvidia_files(tmp_path)
    assert (found.gpu, found.ids) == (Gpu("NVIDIA GH200 480GB"), ("0", "GPU-7c3e1d2f-8a9b"))


@pytest.mark.parametrize("name", ["NVIDIA H200", "AMD Instinct MI250X"])
def test_torch_is_asked_for_cuda_and_rocm_alike(bare: Path, name: str) -> None:
    have_torch(bare, name=name, count=2)

    assert find_gpus() == (Gpu(name, 64), Gpu(name, 64))


def test_a_torch_that_cannot_be_imported_is_as_good_as_none(bare: Path) -> None:
    (bare / "modules").mkdir()
    (bare / "modules" / "torch.py").write_text("raise OSError('libcudart.so.12: cannot open')")

    assert look().torch_sees is None
    assert look().gpus == ()


def test_nvidia_s_command_tells_names_and_memory(bare: Path) -> None:
    have_nvidia(bare, "h100")

    assert find_gpus() == (H100,) * 4


@pytest.mark.parametrize("given", ["2", "GPU-4f1c8e20", " 2 "])
def test_of_all_gpus_of_a_node_only_those_given_count(
    bare: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    have_nvidia(bare, "h100")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)

    assert find_gpus() == (H100,)


def test_a_slice_is_named_with_its_gpu_and_size(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have_nvidia(bare, "sliced")
    assert len(find_gpus()) == 3
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-5b7d1a52-0c1e-5b0a-9a53-1f2e3d4c5b6a")

    assert find_gpus() == (Gpu("NVIDIA GH200 96GB HBM3, MIG 1g.12gb", 12),)


def test_rocm_s_command_tells_names_and_memory(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have_rocm(bare)
    assert find_gpus() == (GCD, GCD)
    monkeypatch.setenv("ROCR_VISIBLE_DEVICES", "1")

    assert find_gpus() == (GCD,)


@pytest.mark.parametrize("name", GIVEN_BY)
@pytest.mark.parametrize("nothing", ["", "-1", "NoDevFiles"])
def test_a_job_that_was_given_none_has_none(
    bare: Path, monkeypatch: pytest.MonkeyPatch, name: str, nothing: str
) -> None:
    have_nvidia(bare, "h100")
    monkeypatch.setenv(name, nothing)

    assert find_gpus() == ()


@pytest.mark.parametrize("prints", ["", "No devices were found\n", "{", '{"card0": {}}'])
def test_an_answer_that_makes_no_sense_is_no_fault(bare: Path, prints: str) -> None:
    for name in ("nvidia-smi", "rocm-smi"):
        (bare / "answer").write_text(prints)
        script = bare / "bin" / name
        script.write_text(f"#!/bin/sh\n/bin/cat {bare / 'answer'}\n")
        script.chmod(0o755)

    assert all(gpu.name == "AMD GPU" for gpu in find_gpus())


def test_a_command_that_fails_is_as_good_as_none(bare: Path) -> None:
    have_command(bare, "nvidia-smi", {})

    assert find_gpus() == ()


def test_what_is_found_is_printed_with_equal_ones_once(
    bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    have_torch(bare, count=2)
    check()

    assert capsys.readouterr().out == "GPUs here: 2 × AMD Instinct MI250X (64 GB).\n"


def test_a_torch_that_cannot_use_what_is_there_is_named(
    bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    have_torch(bare, count=0)
    have_nvidia(bare, "h100")
    check()

    printed = capsys.readouterr().out
    assert "4 × NVIDIA H100 80GB HBM3 (80 GB)" in printed
    assert "PyTorch does not see them" in printed


@pytest.mark.parametrize(
    ("environment", "gpus", "says"),
    [
        ({}, 1, "There is no GPU here, and this notebook needs one."),
        ({"LAB_MACHINE": "development"}, 1, "this is a development machine"),
        ({"CUDA_VISIBLE_DEVICES": "1"}, 1, "GPU 1 was given to this session, but nothing here can use it"),
        ({"CUDA_VISIBLE_DEVICES": "1", "LAB_MACHINE": "development"}, 1, "GPU 1 was given"),
        ({"CUDA_VISIBLE_DEVICES": "", "PAJA_LANGUAGE": "fi"}, 1, "Täällä ei ole GPU:ta"),
        ({"CUDA_VISIBLE_DEVICES": "1", "LAB_MACHINE": "grading"}, 1, "no fault of your work"),
        ({"PAJA_LANGUAGE": "el"}, 1, "Εδώ δεν υπάρχει GPU"),
        ({"PAJA_LANGUAGE": "sv"}, 1, "There is no GPU here"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], gpus: int, says: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(NoGpuError, match=says):
        check(gpus)


def test_too_few_are_none_that_would_do(bare: Path) -> None:
    have_torch(bare)

    with pytest.raises(NoGpuError, match="needs 2 GPUs, and here are only these: AMD Instinct MI250X"):
        check(2)


def test_a_notebook_that_takes_what_is_there_asks_for_none() -> None:
    check(0)


@pytest.mark.parametrize("language", WORDS)
def test_each_language_says_everything(language: str) -> None:
    assert choose_words(f"{language}-xx").keys() == WORDS["en"].keys()
    for key, sentence in choose_words(language).items():
        assert sentence.count("{") == WORDS["en"][key].count("{")


def test_it_needs_nothing_but_python(tmp_path: Path) -> None:
    code = "import sys; sys.path[:0] = [sys.argv[1]]; import paja_gpu; print(paja_gpu.NoGpuError.__name__)"
    folder = str(Path(paja_gpu.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, folder],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )

    assert done.stdout == "NoGpuError\n", done.stderr
