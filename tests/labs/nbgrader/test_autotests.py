"""nbgrader's own autotests, as its package brings them along, instantiated in the box."""

from pathlib import Path

import pytest
from jinja2.exceptions import SecurityError
from nbgrader.preprocessors import instantiatetests

from labs.box import BoxEnvironment, BoxLimits
from labs.exceptions import InvalidNotebookError
from labs.nbgrader import autograde, make_release
from labs.nbgrader.autotests import PlainEnvironment
from tests.servers import require

live = pytest.mark.live


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ snippet.__class__ }}",
        "{{ snippet['__class__'] }}",
        "{{ snippet.upper() }}",
        "{{ '{0.__class__}'.format(snippet) }}",
        "{{ snippet * 999999999 }}",
        "{{ 9 ** 999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ snippet ~ snippet }}",
        "{{ snippet + snippet }}",
        "{{ snippet|upper }}",
        "{% set twice = snippet %}",
        "{% for letter in snippet %}{{ letter }}{% endfor %}",
        "{% macro again() %}{{ again() }}{% endmacro %}",
        "{% include 'x' %}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    ],
)
def test_a_template_of_the_author_can_do_nothing_but_be_filled_in(template: str) -> None:
    """By the name that nbgrader takes its environments from: else templates would run as the worker does."""
    jinja = instantiatetests.j2
    with pytest.raises(SecurityError):
        jinja.Environment(loader=jinja.BaseLoader).from_string(template).render(snippet="f(3)")


def test_a_plain_template_is_filled_in() -> None:
    template = PlainEnvironment().from_string('assert {{ snippet }} == {{ value }}, "{{ message }}"')
    filled = template.render(snippet="f(3)", value="9", message="The square of 3 is 9.")
    assert filled == 'assert f(3) == 9, "The square of 3 is 9."'


@pytest.fixture(scope="module")
def files() -> Path:
    import nbgrader

    folder = Path(nbgrader.__file__).parent / "tests" / "apps" / "files"
    require((folder / "autotests.yml").is_file(), "nbgrader was installed without its tests")
    return folder


@live
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


@live
def test_autotests_without_templates_are_refused(files: Path, lab_python: Path) -> None:
    source = {"lab.ipynb": (files / "autotest-simple.ipynb").read_bytes()}
    with pytest.raises(InvalidNotebookError, match=r"no file autotests\.yml"):
        make_release(source, name="lab", environment=BoxEnvironment(lab_python))
