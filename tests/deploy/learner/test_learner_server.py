"""Real servers of a learner and of an author: what each has loaded, and who may give and read the notice."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.development.programs import LAB_PYTHON
from deploy.jupyterhub.lab_environment import LEARNER_FILES
from labs.jupyterhub import ServerClient
from tests.servers import find_base_port, wait_for
from tests.servers.hub import RealHub, run_hub
from tests.servers.kernel import run_code

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hub")]

ADA = "p-00ada001"
PLAIN, WITH_TOOLS = "s-0000ada1", "s-0000ada2"
TOOLS = ("terminal", "language-server", "create-assignment")
NOTICE = {"language": "en", "paja_url": "http://localhost:8000/", "message": "Hello", "level": "info"}
# What answers only where the extension is loaded.
TOOL_PATHS = ("api/terminals", "lsp/status")
NBGRADER_PATHS = (
    "assignments",
    "formgrader",
    "courses",
    "nbgrader_version",
    "assignment_list/nbgrader_version",
)


@pytest.fixture(scope="module")
def real_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with run_hub(tmp_path_factory.mktemp("hub")) as hub:
        hub.start_server(ADA, PLAIN)
        hub.start_server(ADA, WITH_TOOLS, tools=TOOLS)
        yield hub


@contextmanager
def asking(real_hub: RealHub, server: str, *, token: str | None = None) -> Iterator[httpx.Client]:
    """Questions to the server as Paja asks them, or by another token."""
    if token is None:
        with real_hub.client() as client:
            token = client.create_server_token(ADA, server, expires_in=300).token
    headers = {"Host": f"{ADA}.{real_hub.host}", **({"Authorization": f"token {token}"} if token else {})}
    base = f"{real_hub.inside}/user/{ADA}/{server}/"
    with httpx.Client(base_url=base, headers=headers, timeout=20) as http:
        yield http


@contextmanager
def session_of(real_hub: RealHub, server: str) -> Iterator[ServerClient]:
    with real_hub.client() as client:
        token = client.create_server_token(ADA, server, expires_in=300)
    with real_hub.contents(ADA, server, token.token) as found:
        yield found


@pytest.mark.parametrize("path", [*TOOL_PATHS, *NBGRADER_PATHS])
def test_a_plain_session_has_no_tool(real_hub: RealHub, path: str) -> None:
    with asking(real_hub, PLAIN) as http:
        assert http.get(path).status_code == 404


@pytest.mark.parametrize("path", TOOL_PATHS)
def test_a_session_has_the_tools_that_were_asked_for(real_hub: RealHub, path: str) -> None:
    with asking(real_hub, WITH_TOOLS) as http:
        assert http.get(path).status_code == 200


@pytest.mark.parametrize("path", NBGRADER_PATHS)
def test_an_author_has_no_part_of_nbgrader_in_the_server(real_hub: RealHub, path: str) -> None:
    with asking(real_hub, WITH_TOOLS) as http:
        assert http.get(path).status_code == 404


def test_a_terminal_can_be_opened_where_it_was_asked_for(real_hub: RealHub) -> None:
    with asking(real_hub, WITH_TOOLS) as http:
        opened = http.post("api/terminals")
        assert opened.status_code == 200
        assert http.delete(f"api/terminals/{opened.json()['name']}").status_code == 204


def imported_modules(real_hub: RealHub, home: Path, *tools: str) -> set[str]:
    """What the server's process has imported when it listens, by Python's own list; outside the sandbox."""
    with httpx.Client(headers={"Authorization": f"token {real_hub.token}", "Host": real_hub.host}) as service:
        token = service.post(f"{real_hub.inside}/hub/api/users/{ADA}/tokens", json={"expires_in": 600}).json()
    port = find_base_port()
    environment = {
        "PATH": f"{LAB_PYTHON.parent}:/usr/bin",
        "HOME": str(home),
        "JUPYTER_CONFIG_PATH": str(LEARNER_FILES),
        "JUPYTERHUB_API_TOKEN": token["token"],
        "JUPYTERHUB_API_URL": f"{real_hub.inside}/hub/api",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-modules",
        "JUPYTERHUB_USER": ADA,
        "JUPYTERHUB_SERVICE_PREFIX": "/modules/",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}/modules/",
        "PAJA_LAB_TOOLS": " ".join(tools),
    }
    launcher = [str(LAB_PYTHON), "-X", "importtime", "-P", str(LEARNER_FILES / "learner_server.py")]
    said = home / "said"
    with (
        said.open("wb") as log,
        subprocess.Popen(
            [*launcher, "--allow-root", f"--ServerApp.root_dir={home}"],
            env=environment,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        wait_for(lambda: "is running at" in said.read_text(), seconds=120, what="the server listens")
        # Asked to end before its loop runs, it would not hear of it.
        process.kill()
    lines = [line.split("|") for line in said.read_text().splitlines() if line.startswith("import time:")]
    return {name.strip().split(".")[0] for *_, name in lines}


def test_a_plain_session_imports_no_module_of_a_tool(real_hub: RealHub, tmp_path: Path) -> None:
    modules = imported_modules(real_hub, tmp_path)

    assert {"jupyterlab", "notebook", "paja_tools"} <= modules
    assert modules.isdisjoint(
        {"nbgrader", "jupyter_lsp", "jupyter_server_terminals", "terminado", "sqlalchemy"}
    )


def test_an_author_imports_nothing_of_nbgrader_either(real_hub: RealHub, tmp_path: Path) -> None:
    modules = imported_modules(real_hub, tmp_path, *TOOLS)

    assert {"jupyter_lsp", "jupyter_server_terminals"} <= modules
    assert "nbgrader" not in modules


def test_a_tool_that_nobody_offers_starts_nothing(real_hub: RealHub) -> None:
    def is_down() -> bool:
        model = client.find_server("p-00ada002", "s-0000ada3")
        return model is None or not (model.is_ready or model.pending)

    with real_hub.client() as client:
        client.ensure_user("p-00ada002")
        client.ensure_server("p-00ada002", "s-0000ada3", {"tools": ["sudo"]})
        wait_for(is_down, seconds=30, what="refused")
    assert not (real_hub.homes / "p-00ada002").exists()


def test_the_newest_notice_is_what_the_page_gets(real_hub: RealHub) -> None:
    with session_of(real_hub, PLAIN) as session, asking(real_hub, PLAIN) as http:
        session.put_notice({**NOTICE, "message": "Hello"})
        session.put_notice({**NOTICE, "message": "Goodbye"})
        answer = http.get("paja/notice")

    assert answer.json()["message"] == "Goodbye"
    assert answer.headers["Content-Type"].startswith("application/json")


def test_a_kernel_says_in_the_learners_language_that_there_is_no_gpu(real_hub: RealHub) -> None:
    with real_hub.client() as client:
        token = client.create_server_token(ADA, PLAIN, expires_in=300).token
    with session_of(real_hub, PLAIN) as session:
        session.put_notice({**NOTICE, "language": "el"})
    headers = {"Host": f"{ADA}.{real_hub.host}", "Authorization": f"token {token}"}
    printed = run_code(f"{real_hub.inside}/user/{ADA}/{PLAIN}/", headers, "import paja_gpu; paja_gpu.check()")

    assert printed.startswith("NoGpuError: Εδώ δεν υπάρχει GPU: αυτό είναι μηχάνημα ανάπτυξης.")


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("token", ["", "nonsense"])
def test_the_notice_is_for_those_who_may_enter_the_server(real_hub: RealHub, method: str, token: str) -> None:
    with asking(real_hub, PLAIN, token=token) as http:
        assert http.request(method, "paja/notice", json=NOTICE).status_code == 403


def test_a_token_for_another_server_does_not_reach_the_notice(real_hub: RealHub) -> None:
    with real_hub.client() as client:
        other = client.create_server_token(ADA, WITH_TOOLS, expires_in=300)
    with asking(real_hub, PLAIN, token=other.token) as http:
        assert http.put("paja/notice", json=NOTICE).status_code == 403


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"paja_url": "javascript:alert(1)"}', b'{"message": "' + b"x" * 20_000]
)
def test_what_is_no_notice_changes_nothing(real_hub: RealHub, body: bytes) -> None:
    with session_of(real_hub, PLAIN) as session, asking(real_hub, PLAIN) as http:
        session.put_notice({**NOTICE, "message": "Kept"})
        assert http.put("paja/notice", content=body).status_code == 400
        assert http.get("paja/notice").json()["message"] == "Kept"


def test_neither_the_notice_nor_a_visit_counts_as_activity(real_hub: RealHub) -> None:
    with session_of(real_hub, PLAIN) as session, asking(real_hub, PLAIN) as http:
        before = http.get("api/status").json()["last_activity"]
        session.put_notice(NOTICE)
        http.get("paja/notice")
        session.list_kernels()
        session.list_files("", max_files=100, max_depth=5)
        assert http.get("api/status").json()["last_activity"] == before
        http.get("api/contents")
        assert http.get("api/status").json()["last_activity"] > before


@pytest.mark.parametrize(
    "name", [b"two\nlines.txt", b"back\\slash.txt", b"not-utf-8-\xff.txt", "right\u202eleft.txt".encode()]
)
def test_a_name_that_cannot_be_kept_hides_no_other_file(real_hub: RealHub, name: bytes) -> None:
    folder = real_hub.homes / ADA / f"names-{name.hex()}"
    folder.mkdir()
    (folder / "kept.txt").touch()
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).touch()

    with session_of(real_hub, PLAIN) as session:
        listing = session.list_files(folder.name, max_files=10, max_depth=2)

    assert [file.path for file in listing.files] == [f"{folder.name}/kept.txt"]
    assert len(listing.refused) == 1
    assert listing.refused[0].isprintable()
