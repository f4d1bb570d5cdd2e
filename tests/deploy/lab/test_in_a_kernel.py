"""The one line in the grading box, a kernel of the labs' own environment, with a pretend torch or with nothing."""

from collections.abc import Mapping
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from labs.box import BoxEnvironment, BoxLimits, execute_notebook
from tests.labs.box.people import find_lab_python

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

TORCH = """
from types import SimpleNamespace
version = SimpleNamespace(cuda={cuda!r}, hip={hip!r})
cuda = SimpleNamespace(
    is_available=lambda: True,
    device_count=lambda: 1,
    get_device_properties=lambda number: SimpleNamespace(name={name!r}, total_memory=64 * 2**30),
)
"""


def run_check(files: Mapping[str, bytes], variables: Mapping[str, str]) -> dict[str, Any]:
    """The only output of the line in a notebook."""
    notebook = new_notebook(cells=[new_code_cell("import paja_gpu\npaja_gpu.check()")])
    done = execute_notebook(
        notebook,
        files=files,
        limits=BoxLimits(),
        environment=BoxEnvironment(find_lab_python()),
        variables=variables,
    )
    (output,) = done.notebook.cells[0].outputs
    return dict(output)


@pytest.mark.parametrize(
    ("name", "cuda", "hip"), [("NVIDIA H200", "13.0", None), ("AMD Instinct MI250X", None, "7.0")]
)
def test_the_line_is_the_same_for_both_makers(name: str, cuda: str, hip: str) -> None:
    torch = TORCH.format(name=name, cuda=cuda, hip=hip)
    output = run_check({"torch.py": torch.encode()}, {"CUDA_VISIBLE_DEVICES": "0"})

    assert output["output_type"] == "stream"
    assert output["text"] == f"GPUs here: {name} (64 GB).\n"


def test_without_a_gpu_the_notebook_stops_with_one_sentence() -> None:
    output = run_check({}, {"CUDA_VISIBLE_DEVICES": "3", "PAJA_LANGUAGE": "fi"})

    assert output["ename"] == "NoGpuError"
    assert output["evalue"].startswith("Arvosteluympäristössä ei ole GPU:ta")
    assert output["traceback"] == [f"NoGpuError: {output['evalue']}"]
