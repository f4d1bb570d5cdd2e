"""nbgrader_config.py is read, never run."""

from pathlib import Path

from labs.nbgrader.course_settings import read_settings

CONFIG = """
import os
os.makedirs("it-was-run")

c = get_config()
c.CourseDirectory.course_id = "course101"
c.CourseDirectory.ignore = ["*.tmp"]
c.CourseDirectory.db_assignments = [dict(name="ps1", duedate="2026-02-02 17:00:00 UTC")]
c.IncludeHeaderFooter.header = "source/header.ipynb"
c.ClearSolutions.code_stub = {"python": "# your turn"}
c.ClearSolutions.text_stub = os.environ["HOME"]
c.Exchange.root = "/tmp/exchange"
c.NbGrader.logfile = ".nbgrader.log"
c.SaveAutoGrades.anything = 1
if True:
    c.ExecutePreprocessor.timeout = 90
"""


def test_plain_values_are_read_and_nothing_is_run(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    settings = read_settings(tmp_path)
    assert settings.find("ClearSolutions", "code_stub", dict) == {"python": "# your turn"}
    assert settings.find("ExecutePreprocessor", "timeout", int) == 90
    assert settings.find("CourseDirectory", "ignore", list) == ["*.tmp"]
    assert not Path("it-was-run").exists()
    assert not (tmp_path / "it-was-run").exists()


def test_what_is_not_honoured_is_named(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    assert set(read_settings(tmp_path).ignored) == {
        "CourseDirectory.course_id",
        "CourseDirectory.db_assignments",
        "ClearSolutions.text_stub",
        "SaveAutoGrades.anything",
    }


def test_the_settings_of_a_release_name_paths_of_the_course(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    config = read_settings(tmp_path).make_release_config(tmp_path)
    assert config.IncludeHeaderFooter.header == str(tmp_path / "source" / "header.ipynb")
    assert config.ClearSolutions.code_stub == {"python": "# your turn"}
    assert "ExecutePreprocessor" not in config


def test_json_is_read_too_and_nonsense_is_named(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.json").write_text('{"Execute": {"timeout": 7}, "version": 1}')
    (tmp_path / "nbgrader_config.py").write_text("c.Execute.timeout = = 8")
    settings = read_settings(tmp_path)
    assert settings.find("Execute", "timeout", int) == 7
    assert settings.ignored == ("nbgrader_config.py",)


def test_a_course_without_settings_has_none(tmp_path: Path) -> None:
    settings = read_settings(tmp_path)
    assert settings.values == {}
    assert settings.ignored == ()
    assert settings.find("Execute", "timeout", int) is None


def test_a_value_of_another_kind_is_none(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text('c.Execute.timeout = True\nc.CourseDirectory.ignore = "x"')
    settings = read_settings(tmp_path)
    assert settings.find("Execute", "timeout", int) is None
    assert settings.find("CourseDirectory", "ignore", list) is None
