"""Where no token of ours may stand: URLs, logs, pages, process lists, databases, whatever a learner can read.

A whole session is lived first, with a learner who notes every token that comes to their server. The one token that
is theirs is JupyterHub's own for their server: tests/live/test_eve.py shows that it opens nothing else.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest
from django.urls import reverse

from courses.models import Enrolment
from labs.models import LabSession, LabUnit, Snapshot
from labs.states import SessionStatus, SubmissionStatus
from tests.live import small_course
from tests.live.people import Visitor, make_cohort, make_learner
from tests.live.sessions import home_of, is_server_ready, run_in_kernel, session_of, wait_ready
from tests.live.stack import Stack
from tests.live.taken_over import FOLDER, TakenOver, take_over
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack")]

NOTEBOOK = f"{small_course.SLUG}/{small_course.LAB}/{small_course.NOTEBOOK}"

# What code in a learner's notebook can read: processes, its environment, files that are no program's. It is much,
# so it goes into a file.
LOOK_AROUND = f"""
import glob, os, sys
programs = tuple(os.path.realpath(place) for place in (sys.prefix, sys.base_prefix))
looked = open(os.path.expanduser("~/{FOLDER}/looked"), "w", errors="replace")
def look(path):
    try:
        print(path, open(path, errors="replace").read(1_000_000).replace(chr(0), chr(10)), file=looked)
    except OSError as error:
        print(path, error, file=looked)
for process in sorted(glob.glob("/proc/[0-9]*")):
    for name in ("cmdline", "environ", "status"):
        look(f"{{process}}/{{name}}")
print(dict(os.environ), file=looked)
for top in ("/dev/shm", "/etc", "/home", "/tmp", "/run", "/var", "/srv", "/opt", "/root", "/mnt"):
    for folder, folders, names in os.walk(top):
        folders[:] = [each for each in folders if each != "{FOLDER}"]
        for name in names:
            path = os.path.realpath(os.path.join(folder, name))
            if os.path.isfile(path) and not path.startswith(programs):
                look(path)
looked.close()
print("looked")
"""
SERVER_TOKEN = re.compile(r"JUPYTERHUB_API_TOKEN=(\w+)")
# One-time codes and tokens in an address: JupyterHub writes [secret] in their place.
IN_ADDRESS = re.compile(rb"[?&](?:code|token|_xsrf)=(?!\[secret\])[\w%.~|-]{8,}")


@dataclass(frozen=True)
class Life:
    """What was said and seen during one session, and every secret by its name; `logs` is what it added to each."""

    session: LabSession
    logs: dict[str, bytes]
    tokens: list[str]
    heard: dict[str, str]
    seen_by_kernel: str
    learners_processes: dict[str, str]
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def life(stack: Stack, small_release_id: int) -> Life:
    """Start, delivery, visits, a copy, a submission, an opened lab, a stop."""
    with stack.database():
        return live(stack, small_release_id)


def live(stack: Stack, release_id: int) -> Life:
    lab = LabUnit.objects.select_related("unit", "release__lab").get(unit__release=release_id)
    before = read_logs(stack)
    learner = make_learner(make_cohort(release_id))
    visitor = Visitor(stack, learner.learner.email)
    api_token = visitor.renew_api_token()
    heard: dict[str, str] = {}
    visitor.client.event_hooks = {"response": [lambda answer: note(heard, answer)]}
    taken = start_noting(stack, visitor, learner, lab)

    session = wait_ready(learner)
    session_page = reverse("labs:session", args=[session.public_id])
    visitor.read(session_page)
    solved = small_course.solve((home_of(stack, session) / NOTEBOOK).read_bytes())
    (home_of(stack, session) / NOTEBOOK).write_bytes(solved)
    LabSession.objects.filter(pk=session.pk).update(visited_at=None)
    visitor.read(reverse("labs:session-status", args=[session.public_id]))
    copies = Snapshot.objects.filter(workspace=session.workspace, cause=Snapshot.Cause.TIMER)
    wait_until(copies.exists, "a visit copies the work")

    unit = [learner.cohort.public_id, small_course.LAB]
    visitor.press(reverse("labs:submit", args=unit), press_key=str(uuid4()))
    submissions = learner.submissions.filter(status=SubmissionStatus.COLLECTED)
    wait_until(submissions.exists, "the work is collected")
    visitor.roam(f"{stack.url}{reverse('labs:session-open', args=[session.public_id])}")
    for hub in stack.place.hubs[:1]:
        visitor.roam(f"{hub.origin}/hub/home")
        visitor.roam(f"{hub.origin}/hub/token")
    pages = [session_page, reverse("courses:unit", args=unit), reverse("courses:settings"), "/"]
    pages += [reverse("labs:history", args=unit), reverse("labs:running")]
    pages += ["/api/v1/sessions/", "/api/v1/submissions/", f"/api/v1/sessions/{session.public_id}/"]
    for page in pages:
        visitor.read(page)
        visitor.client.get(page, headers={"Authorization": f"Token {api_token}"})

    assert run_in_kernel(session, LOOK_AROUND) == "looked\n"
    seen = (taken.folder / "looked").read_text()
    processes = learners_processes(stack, session)
    own = SERVER_TOKEN.search(seen)
    assert own, "the learner's kernel sees the token of its own server"
    visitor.press(reverse("labs:session-stop", args=[session.public_id]))
    wait_until(lambda: session_of(learner).status == SessionStatus.STOPPED, "the session is stopped")
    visitor.read(session_page)
    secrets = {**installation_secrets(stack), "the API token": api_token, "the server's own token": own[1]}
    secrets |= {f"the token of visit {number}": token for number, token in enumerate(taken.tokens)}
    logs = {place: text.removeprefix(before.get(place, b"")) for place, text in read_logs(stack).items()}
    logs["the server's own"] = (home_of(stack, session) / ".paja-server.log").read_bytes()
    return Life(session, logs, taken.tokens, heard, seen, processes, secrets)


def read_logs(stack: Stack) -> dict[str, bytes]:
    return dict(files_below(stack.place.logs, stack.place.data.parent / "run.log", stack.place.status_file))


def start_noting(stack: Stack, visitor: Visitor, learner: Enrolment, lab: LabUnit) -> TakenOver:
    """Start the lab, and have the learner's relay in place before Paja first comes to the server."""
    with stack.paused("beat"):
        visitor.press(reverse("labs:start", args=[learner.cohort.public_id, lab.unit.slug]))
        session = session_of(learner)
        wait_until(lambda: is_server_ready(session), "the server answers")
        return take_over(stack, session, "relay")


def note(heard: dict[str, str], answer: httpx.Response) -> None:
    """Everything that a browser is told: where it is, where it is sent, cookies included, and the page."""
    answer.read()
    request = answer.request
    heard[f"{request.method} {request.url} ({len(heard)})"] = (
        f"{request.url}\n{answer.headers}\n{answer.text}"
    )


def installation_secrets(stack: Stack) -> dict[str, str]:
    """Each by its file's name; of a key in PEM one line that is its own."""
    found = {}
    for file in (stack.place.data / "secrets").iterdir():
        lines = file.read_text().splitlines()
        found[file.name] = lines[len(lines) // 2]
    assert len(found) >= 8
    return found


def learners_processes(stack: Stack, session: LabSession) -> dict[str, str]:
    """Arguments and environment of every process of the learner's, sandbox included, as this machine has them."""
    found = {}
    for each in stack.belongings():
        environment = each.environ()
        if environment.get("JUPYTERHUB_SERVER_NAME") == session.server_name:
            words = [*each.cmdline(), *(f"{name}={value}" for name, value in environment.items())]
            found[f"{each.pid} {each.name()}"] = "\n".join(words)
    assert len(found) >= 3, found.keys()
    return found


# --- The tests ---------------------------------------------------------------------------------------


def find(
    life: Life, places: Iterator[tuple[str, bytes]], *, spared: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    """Which secret stands where: as it is or in base64, and its name and place, never itself."""
    needles = [
        (name, form)
        for name, secret in life.secrets.items()
        if name not in spared
        for form in (secret.encode(), base64.b64encode(secret.encode()).rstrip(b"="))
    ]
    read = [(place, content) for place, content in places if content]
    assert read, "there is something to look through"
    return [(name, place) for place, content in read for name, form in needles if form in content]


def files_below(*places: Path) -> Iterator[tuple[str, bytes]]:
    """Files and folders with all in them; what the learner noted of tokens lies in a folder of its own."""
    for place in places:
        for path in [place, *place.rglob("*")]:
            if path.is_file() and not path.is_symlink() and FOLDER not in path.parts:
                with suppress(FileNotFoundError):  # a database's journal comes and goes
                    yield str(path), path.read_bytes()


def test_a_session_has_shown_tokens_to_its_server(life: Life) -> None:
    """Else nothing would be looked for: delivery, visits, submission and stop each came with a token of its own."""
    assert len(life.tokens) >= 4
    assert all(re.fullmatch(r"[0-9a-f]{32}", token) for token in life.tokens)
    assert {"hub_token_kajaani", "proxy_token_athens", "secret_key", "oidc_key"} <= life.secrets.keys()


def test_no_token_stands_in_a_log(life: Life) -> None:
    """Nor a one-time code; other tests show tokens of their own in addresses, so only this session's lines count."""
    assert sum(map(bool, life.logs.values())) > 5
    assert find(life, iter(life.logs.items())) == []
    assert {
        place: IN_ADDRESS.findall(text) for place, text in life.logs.items() if IN_ADDRESS.search(text)
    } == {}


def test_no_token_stands_in_a_page_an_answer_or_an_address(life: Life) -> None:
    assert len(life.heard) > 25
    assert find(life, ((place, text.encode()) for place, text in life.heard.items())) == []


def test_no_token_stands_in_the_arguments_of_any_process(life: Life) -> None:
    """Which everybody on a machine may read."""
    running = (
        (f"process {each.pid}", "\n".join(each.info["cmdline"] or []).encode())
        for each in psutil.process_iter(["pid", "cmdline"])
    )
    assert find(life, running) == []


def test_a_learners_processes_have_the_token_of_their_own_server_and_no_other(life: Life) -> None:
    spared = ("the server's own token",)
    places = {**life.learners_processes, "what a kernel can read": life.seen_by_kernel}
    assert find(life, ((place, text.encode()) for place, text in places.items()), spared=spared) == []
    # Where it has to be: in the environment, which nobody else can read, and in no argument.
    assert life.secrets["the server's own token"] in life.seen_by_kernel


def test_no_token_stands_in_redis_databases_or_files(stack: Stack, life: Life) -> None:
    data = stack.place.data
    kept = [*files_below(data / "redis", data / "media", data / "hubs")]
    kept += files_below(*data.glob("db.sqlite3*"))
    assert {"jupyterhub.sqlite", "db.sqlite3", "redis"} <= {
        part for place, _ in kept for part in Path(place).parts
    }
    assert find(life, iter(kept)) == []
