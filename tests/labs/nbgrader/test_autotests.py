"""nbgrader's own autotests, as its package brings them along, instantiated in the box."""

from pathlib import Path

import pytest

from labs.box import BoxEnvironment, BoxLimits
from labs.exceptions import InvalidNotebookError
from labs.nbgrader import autograde, make_release
from tests.servers import require

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def files() -> Path:
    import nbgrader

    folder = Path(nbgrader.__file__).parent / "tests" / "apps" / "files"
    require((folder / "autotests.yml").is_file(), "nbgrader was installed without its tests")
    return folder


def test_hidden_autotests_are_made_from_the_authors_code_and_tell_right_from_wrong(
    files: Path, lab_python: Path
) -> None:
    environment = BoxEnvironment(lab_python)
    names = ("changed-right", "changed-wrong")
    notebook = (files / "autotest-hidden.ipynb").read_bytes()
    source = {f"{name}.ipynb": notebook for name in names}
    source["autotests.yml"] = (files / "autotests.yml").read_bytes()
    release = make_release(source, name="autotests", environment=environment)
    assert "AUTOTEST" not in release.learner_files["changed-right.ipynb"].decode()
    assert "autotests.yml" not in release.learner_files
    submitted = {f"{name}.ipynb": (files / f"autotest-hidden-{name}.ipynb").read_bytes() for name in names}
    result = autograde(release, submitted, limits=BoxLimits(), environment=environment)
    assert {each.name: each.cells[0].auto_score for each in result.notebooks} == {
        "changed-right": 1,
        "changed-wrong": 0,
    }


def test_autotests_without_templates_are_refused(files: Path, lab_python: Path) -> None:
    source = {"lab.ipynb": (files / "autotest-simple.ipynb").read_bytes()}
    with pytest.raises(InvalidNotebookError, match=r"no file autotests\.yml"):
        make_release(source, name="lab", environment=BoxEnvironment(lab_python))
