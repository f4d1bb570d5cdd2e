"""jupyterhub_config.py as a factory would run it: over TLS, with every secret in a file."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.jupyterhub.slurm import factory_files

Loaded = tuple[Path, dict[str, Any]]
LOAD = """
import json
from oauthenticator import oauth2
from traitlets.config.loader import PyFileConfigLoader
config = PyFileConfigLoader("deploy/jupyterhub/jupyterhub_config.py").load_config()
print(json.dumps({**config, "state_cookie": oauth2.STATE_COOKIE_NAME}, default=str))
"""
SECRETS = ("PAJA_HUB_TOKEN", "PAJA_HUB_OIDC_SECRET", "PAJA_HUB_PROXY_TOKEN")


def load(folder: Path, *, without: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PAJA_HUB_DATA": str(folder / "data"),
        "PAJA_HUB_FACTORY": "kajaani",
        "PAJA_HUB_ORIGIN": "https://hub.kajaani.example",
        "PAJA_ORIGIN": "https://paja.example",
        "PAJA_HUB_URL": "http://127.0.0.1:8081",
        "PAJA_HUB_PROXY_URL": "http://127.0.0.1:8000",
        "PAJA_HUB_PROXY_API_URL": "http://127.0.0.1:8001",
        "PAJA_HUB_OIDC_ID": "hub-kajaani",
        "PAJA_HUB_LAB_PYTHON": "/opt/lab/bin/python",
    }
    for name in SECRETS:
        (folder / name).write_text(f"secret-of-{name}\n")
        environment[f"{name}_FILE"] = str(folder / name)
    environment.pop(f"{without}_FILE", None)
    environment |= more
    return subprocess.run(
        [sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Loaded once, in a process of its own: it changes what JupyterHub is made of."""
    folder = tmp_path_factory.mktemp("hub")
    done = load(folder)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_over_tls_cookies_are_secure_and_of_one_host_only(loaded: Loaded) -> None:
    hub = loaded[1]["JupyterHub"]

    assert hub["cookie_host_prefix_enabled"] is True
    assert loaded[1]["state_cookie"].startswith("__Host-")
    options = hub["tornado_settings"]["cookie_options"]
    assert options == {"samesite": "Lax", "expires_days": None, "secure": True}


def test_secrets_come_from_files(loaded: Loaded) -> None:
    config = loaded[1]

    assert config["JupyterHub"]["services"][0]["api_token"] == "secret-of-PAJA_HUB_TOKEN"
    assert config["PajaAuthenticator"]["client_secret"] == "secret-of-PAJA_HUB_OIDC_SECRET"
    assert config["ConfigurableHTTPProxy"]["auth_token"] == "secret-of-PAJA_HUB_PROXY_TOKEN"


def test_a_hub_without_a_secret_says_which_and_does_not_start(tmp_path: Path) -> None:
    done = load(tmp_path, without="PAJA_HUB_TOKEN")

    assert done.returncode != 0
    assert "PAJA_HUB_TOKEN" in done.stderr


def test_names_that_paja_does_not_make_are_nobodys(loaded: Loaded) -> None:
    assert loaded[1]["PajaAuthenticator"]["username_pattern"] == "p-[0-9a-f]{8}"


def test_the_proxy_has_a_page_to_show_before_a_hub_ever_answered(loaded: Loaded) -> None:
    assert "https://paja.example" in (loaded[0] / "data" / "pages" / "error.html").read_text()


def test_a_hub_with_a_factorys_file_starts_slurm_jobs(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "factory.toml").write_text(factory_files.TEXT)

    done = load(tmp_path, PAJA_HUB_FACTORY_FILE=str(tmp_path / "factory.toml"))

    assert done.returncode == 0, done.stderr
    config = json.loads(done.stdout)
    assert config["JupyterHub"]["spawner_class"].endswith("PajaSlurmSpawner")
    assert config["JupyterHub"]["concurrent_spawn_limit"] == 0
    assert config["Spawner"]["start_timeout"] >= 3 * 24 * 3600  # as long as a partition's queue
    assert config["PajaSlurmSpawner"]["grader"] == "p-grader"


def test_a_hub_whose_factorys_file_is_wrong_says_how_and_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "factory.toml").write_text(factory_files.TEXT.replace("cores = 7", "cores = 0"))

    done = load(tmp_path, PAJA_HUB_FACTORY_FILE=str(tmp_path / "factory.toml"))

    assert done.returncode != 0
    assert "partitions[1].flavours[1].cores" in done.stderr
