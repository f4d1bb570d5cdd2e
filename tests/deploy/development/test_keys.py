"""Secrets of a development installation."""

import stat
from pathlib import Path

from deploy.development.keys import ensure_keys


def test_each_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = {name: path.read_text() for name, path in ensure_keys(folder, ["kajaani", "athens"]).items()}
    second = {name: path.read_text() for name, path in ensure_keys(folder, ["kajaani", "athens"]).items()}

    assert first == second
    assert len(set(first.values())) == len(first) == 8
    assert first["oidc_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_secret_cut_short_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "secret_key.new").write_text("half a")

    assert len(ensure_keys(tmp_path, [])["secret_key"].read_text()) == 64
