"""The set-up does each step once, and says what to do when one does not work."""

from pathlib import Path

import pytest

from deploy.development import install
from labs.box import BoxEnvironment
from labs.box.forking.servers import FILE, read_preload


@pytest.fixture(autouse=True)
def _stamps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "STAMPS", tmp_path / "stamps")
    monkeypatch.setattr(install, "LOG", tmp_path / "install.log")
    (tmp_path / "stamps").mkdir()


def step(folder: Path, made: list[str]) -> install.Step:
    source = folder / "source"
    if not source.exists():
        source.write_text("one")
    return install.Step("thing", "A thing", (source,), folder, lambda: made.append("made"))


def environment(folder: Path, *, made_as: Path | None = None) -> Path:
    made = folder / ".venv"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "celery").touch()
    (made / "bin" / "activate").write_text(f'VIRTUAL_ENV="{made_as or made}"\n')
    return made


def test_a_step_is_done_once_and_again_when_its_source_changes(tmp_path: Path) -> None:
    made: list[str] = []
    assert not step(tmp_path, made).is_done
    step(tmp_path, made).run()
    assert step(tmp_path, made).is_done

    (tmp_path / "source").write_text("two")
    assert not step(tmp_path, made).is_done


def test_a_step_whose_result_was_removed_is_done_again(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    folder.mkdir()
    step(folder, []).run()
    again = install.Step("thing", "A thing", (folder / "source",), tmp_path / "gone", lambda: None)

    assert not again.is_done


def test_a_step_that_fails_leaves_no_stamp(tmp_path: Path) -> None:
    def fail() -> None:
        raise install.InstallError("no network")

    failing = install.Step("thing", "A thing", (), tmp_path, fail)
    with pytest.raises(install.InstallError, match="no network"):
        install.run_together([failing, step(tmp_path, [])])
    assert not failing.is_done


def test_a_command_that_fails_is_shown_with_its_last_lines_and_a_hint() -> None:
    with pytest.raises(install.InstallError) as caught:
        install.run("sh", "-c", "echo cannot find it; exit 3", hint="Look there.")

    assert "cannot find it" in str(caught.value)
    assert "Look there." in str(caught.value)


def test_what_the_tests_need_is_enough_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(install, "PLATFORM", environment(tmp_path))
    stamp = tmp_path / "stamps" / "packages"
    stamp.write_text(install.packages_step("test").stamp())

    assert install.steps("run")[1][0].is_done


def test_going_back_to_an_older_lock_installs_it_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the tests need was installed since, in other versions, into the same environment."""
    monkeypatch.setattr(install, "PLATFORM", environment(tmp_path))
    monkeypatch.setattr(install, "install_into", lambda *_: None)
    install.packages_step("run").run()
    assert install.packages_step("run").is_done

    monkeypatch.setattr(install, "REQUIREMENTS", tmp_path)
    (tmp_path / "dev.txt").write_text("another lock")
    install.packages_step("test").run()
    monkeypatch.undo()
    assert not install.packages_step("run").is_done


def test_a_step_cut_short_is_done_again_though_its_sources_are_the_old_ones(tmp_path: Path) -> None:
    step(tmp_path, []).run()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install.Step("thing", "A thing", (tmp_path / "source",), tmp_path, stop).run()
    assert not step(tmp_path, []).is_done


def test_packages_are_installed_again_into_an_environment_that_was_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = environment(tmp_path)
    monkeypatch.setattr(install, "PLATFORM", made)
    monkeypatch.setattr(install, "install_into", lambda *_: None)
    install.packages_step("run").run()
    assert install.packages_step("run").is_done

    (made / "bin" / "celery").unlink()
    assert not install.packages_step("run").is_done


def test_an_environment_that_was_moved_here_is_made_anew(tmp_path: Path) -> None:
    own = environment(tmp_path / "own")
    moved = environment(tmp_path / "moved", made_as=tmp_path / "elsewhere" / ".venv")
    for each in (own, moved, tmp_path / "missing"):
        install.clear_moved(each)

    assert own.exists()
    assert not moved.exists()


def test_every_file_that_is_served_is_named_in_a_package_that_is_asked_for() -> None:
    import json

    package = json.loads((install.ASSETS / "package.json").read_text())
    for pattern in package["paja"]["served"]:
        assert any(pattern.startswith(f"{name}/") for name in package["dependencies"]), pattern


def test_the_labs_say_what_is_imported_ahead_and_it_can_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(install, "LAB_SAYS", tmp_path / FILE)
    install.describe_lab()
    assert "numpy" in read_preload(BoxEnvironment(tmp_path / "bin" / "python"))
    install.describe_lab()  # again, over what was there


def test_the_labs_can_import_the_check_for_a_gpu_as_it_is_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    monkeypatch.setattr(install, "LAB", tmp_path)
    install.add_module()
    packages.joinpath("paja_gpu", "of_before.py").touch()
    install.add_module()

    there = {path.name for path in packages.joinpath("paja_gpu").glob("*.py")}
    assert there == {path.name for path in install.LAB_MODULE.glob("*.py")}
    assert list(packages.glob("paja_gpu/__pycache__/__init__.*.pyc"))
