"""Who may ask a hub about Slurm: Paja's service, and nobody else by any door."""

from http import HTTPStatus

import httpx
import pytest

from tests.deploy.jupyterhub.browsing import log_in, own_token
from tests.servers.hub import RealHub

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hub")]


def ask_hub(real_hub: RealHub, token: str, query: str = "") -> httpx.Response:
    headers = {"Host": real_hub.host, "Authorization": f"token {token}"}
    return httpx.get(f"{real_hub.inside}/hub/api/paja/queue{query}", headers=headers, timeout=20)


def test_a_hub_without_slurm_says_so_to_paja(real_hub: RealHub) -> None:
    answer = ask_hub(real_hub, real_hub.token)

    assert answer.status_code == HTTPStatus.OK
    assert answer.json() == {"scheduler": "none"}


@pytest.mark.parametrize("since", ["yesterday", "2026-11-22T12:00:00", "2026-13-01T00:00:00%2B00:00"])
def test_a_time_that_is_none_is_refused(real_hub: RealHub, since: str) -> None:
    assert ask_hub(real_hub, real_hub.token, f"?since={since}").status_code == HTTPStatus.BAD_REQUEST


def test_no_learner_is_told_anything_by_any_token_or_cookie(real_hub: RealHub, ada: str) -> None:
    with real_hub.client() as client:
        of_server = client.create_server_token(ada, "s-0000ada1", expires_in=60).token
    answers = [ask_hub(real_hub, token) for token in ("none", own_token(real_hub, ada), of_server)]
    with log_in(real_hub, ada) as browser:
        answers.append(browser.get(f"{real_hub.hub.origin}/hub/api/paja/queue"))

    assert {answer.status_code for answer in answers} == {HTTPStatus.FORBIDDEN}
    assert not any("scheduler" in answer.text for answer in answers)
