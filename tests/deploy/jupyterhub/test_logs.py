"""What the hub's log says of a fault."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import HTTPError

from deploy.jupyterhub.logs import log_exception

REMOTE_IP = "203.0.113.7"
FAULTS = [HTTPError(400, "no state"), KeyError("state")]


def asked(address: str) -> Any:
    """A handler as far as its line in the log needs one."""
    start_line = RequestStartLine("GET", address, "HTTP/1.1")
    request = HTTPServerRequest(start_line=start_line, headers=HTTPHeaders({"Host": "hub.example"}))
    request.remote_ip = REMOTE_IP
    return SimpleNamespace(request=request)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_said_with_its_path_and_nothing_else_of_the_browser(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        log_exception(asked("/hub/oauth_callback?code=hidden"), type(fault), fault, None)

    assert "GET /hub/oauth_callback" in caplog.text
    assert "state" in caplog.text
    assert "hidden" not in caplog.text
    assert REMOTE_IP not in caplog.text


def test_a_refusal_without_a_sentence_is_said_by_its_own_line_alone(caplog: pytest.LogCaptureFixture) -> None:
    log_exception(asked("/hub/nothing"), HTTPError, HTTPError(404), None)

    assert caplog.text == ""
