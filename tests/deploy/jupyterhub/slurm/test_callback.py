"""What a job may say to its hub: one whole number, or that it has run. Everything else is no post of a job's."""

import pytest

from deploy.jupyterhub.slurm.callback import WrongPostError, read_post


def test_a_port_and_a_check_are_read() -> None:
    assert read_post(b'{"port": 40001}') == 40_001
    assert read_post(b'{"checked": true}') == ""
    assert read_post(b'{"checked": false, "reason": "code_missing"}') == "code_missing"
    assert read_post(b'{"checked": false, "reason": "code_wrong"}') == "code_wrong"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"40001",
        b'[["port", 40001]]',
        b'[["checked", true]]',
        b'{"port": 40001.0}',
        b'{"port": 4e4}',
        b'{"port": "40001"}',
        b'{"port": true}',
        b'{"port": null}',
        b'{"port": [40001]}',
        b'{"port": {"port": 40001}}',
        b'{"port": 80}',
        b'{"port": 65536}',
        b'{"port": -1}',
        b'{"port": 9999999999999999999999}',
        b'{"port": NaN}',
        b'{"port": 40001, "port": 40002}',
        b'{"port": 40001, "cmd": "id"}',
        b'{"port": 40001, "ip": "10.0.0.1"}',
        b'{"batch_cancel_cmd": "id"}',
        b'{"exec_prefix": "sh -c"}',
        b'{"checked": 1}',
        b'{"checked": false}',
        b'{"checked": "true"}',
        b'{"checked": true, "reason": "code_wrong"}',
        b'{"checked": false, "reason": ""}',
        b'{"checked": false, "reason": "account_invalid"}',
        b'{"checked": false, "reason": ["code_wrong"]}',
        b'{"reason": "code_wrong", "checked": false}',
        b'{"checked": true, "port": 40001}',
        b'{"Port": 40001}',
        b'{"port": 40001}' + b" " * 64,
        b"[" * 60,
        b"\xff\xfe",
    ],
)
def test_everything_else_is_refused(body: bytes) -> None:
    with pytest.raises(WrongPostError):
        read_post(body)
