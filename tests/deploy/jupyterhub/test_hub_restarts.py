"""A real hub, its proxy and its servers, each killed at its worst moment: what survives, and what ends."""

import contextlib
import json
import signal
import sqlite3

import psutil
import pytest

from tests.deploy.jupyterhub.browsing import address_of, log_in
from tests.deploy.jupyterhub.running import (
    find_first_process,
    first_process,
    has_stored_mark,
    is_answering,
    is_down,
    run_code,
    sandboxed,
)
from tests.servers import wait_for
from tests.servers.hub import RealHub

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hub")]


def test_a_restarted_hub_finds_its_servers_again(real_hub: RealHub) -> None:
    user, server = "p-00000002", "s-00000001"
    real_hub.start_server(user, server)
    before = {process.pid for process in sandboxed(real_hub)}

    real_hub.kill("hub")
    assert before <= {process.pid for process in sandboxed(real_hub)}
    real_hub.start("hub")

    with real_hub.client() as client:
        model = client.find_server(user, server)
        assert model is not None
        assert model.is_ready
        token = client.create_server_token(user, server, expires_in=60).token
    with real_hub.contents(user, server, token) as contents:
        assert is_answering(contents)
    real_hub.stop_server(user, server)


def test_a_hub_killed_during_a_start_finds_the_server_and_brings_it_up(real_hub: RealHub) -> None:
    user, server = "p-00000007", "s-00000001"
    with real_hub.client() as client:
        client.ensure_user(user)
        client.ensure_server(user, server, {})
    first = wait_for(lambda: find_first_process(real_hub, user), seconds=20, what="its process")
    assert first is not None
    # Before that the hub cannot follow it: then it ends it, as the next test shows.
    wait_for(lambda: has_stored_mark(real_hub, user), seconds=20, what="the mark of its process is stored")

    real_hub.kill("hub")
    real_hub.start("hub")

    with real_hub.client() as client:
        wait_for(lambda: real_hub.is_ready(client, user, server), seconds=90, what="adopted and ready")
        token = client.create_server_token(user, server, expires_in=60).token
    assert first.is_running()
    with real_hub.contents(user, server, token) as contents:
        assert is_answering(contents)
    real_hub.stop_server(user, server)
    assert find_first_process(real_hub, user) is None


def test_a_hub_killed_between_a_process_and_its_mark_leaves_no_stray(real_hub: RealHub) -> None:
    user, server = "p-00000008", "s-00000001"
    real_hub.start_server(user, server)
    run_code(real_hub, user, server, "import subprocess; subprocess.Popen(['setsid', 'sleep', '600'])")
    first = first_process(real_hub, user)
    left = [first, *first.children(recursive=True)]
    real_hub.kill("hub")
    with contextlib.closing(
        sqlite3.connect(real_hub.place.hub_data(real_hub.hub) / "jupyterhub.sqlite")
    ) as rows:
        (state,) = rows.execute("SELECT state FROM spawners WHERE name = ? AND state LIKE ?", (server, '%"mark": {"%'
                                )).fetchone()  # fmt: skip
        as_launched = json.dumps({**json.loads(state), "mark": {}})
        rows.execute("UPDATE spawners SET state = ? WHERE state = ?", (as_launched, state))
        rows.commit()

    real_hub.start("hub")

    _gone, strays = psutil.wait_procs(left, timeout=10)
    assert not strays
    with real_hub.client() as client:
        wait_for(lambda: is_down(client, user, server), seconds=15, what="known to be gone")


def test_while_the_hub_is_away_the_proxy_says_so_and_open_pages_go_on(real_hub: RealHub, ada: str) -> None:
    files = address_of(real_hub, ada, "s-0000ada1")
    with log_in(real_hub, ada) as browser:
        browser.get(address_of(real_hub, ada, "s-0000ada1", "lab"))
        assert browser.get(files).status_code == 200
        real_hub.kill("hub")
        try:
            page = browser.get(f"{real_hub.hub.origin}/hub/home")
            during = browser.get(files)
        finally:
            real_hub.start("hub")
        after = browser.get(files)

    assert page.status_code == 503
    for text in ("The labs do not answer", "Harjoitustyöt eivät", "Τα εργαστήρια δεν απαντούν"):
        assert text in page.text
    assert (during.status_code, after.status_code) == (200, 200)


def test_a_restarted_proxy_has_its_routes_again(real_hub: RealHub, ada: str) -> None:
    real_hub.kill("proxy")
    real_hub.start("proxy")

    with real_hub.client() as client:
        token = client.create_server_token(ada, "s-0000ada1", expires_in=300).token
    with real_hub.contents(ada, "s-0000ada1", token) as contents:
        wait_for(lambda: is_answering(contents), seconds=60, what="the route is back")


def test_a_server_killed_while_starting_is_soon_known_to_be_gone(real_hub: RealHub) -> None:
    user, server = "p-00000003", "s-00000001"
    with real_hub.client() as client:
        client.ensure_user(user)
        client.ensure_server(user, server, {})
        first = wait_for(lambda: find_first_process(real_hub, user), seconds=20, what="its process")
        assert first is not None
        first.kill()
        wait_for(lambda: is_down(client, user, server), seconds=10, what="known to be gone")


def test_a_server_that_dies_is_soon_known_to_be_gone_with_its_kernels(real_hub: RealHub) -> None:
    user, server = "p-00000004", "s-00000001"
    real_hub.start_server(user, server)
    run_code(real_hub, user, server, "import subprocess; subprocess.Popen(['sleep', '600'])")
    first = first_process(real_hub, user)
    below = first.children(recursive=True)

    first.send_signal(signal.SIGKILL)

    gone, left = psutil.wait_procs(below, timeout=5)
    assert gone
    assert not left
    with real_hub.client() as client:
        wait_for(lambda: is_down(client, user, server), seconds=15, what="known to be gone")


def test_stopping_ends_everything_a_learner_started(real_hub: RealHub) -> None:
    user, server = "p-00000005", "s-00000001"
    real_hub.start_server(user, server)
    run_code(real_hub, user, server, "import subprocess; subprocess.Popen(['setsid', 'sleep', '600'])")
    below = first_process(real_hub, user).children(recursive=True)
    assert below

    real_hub.stop_server(user, server)

    assert not [
        process for process in below if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]
