"""Commands work in a bare checkout, and refuse to guess in a deployment."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def run(**variables: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PAJA_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "manage.py", "check_course", "no-such-folder"],
        cwd=ROOT,
        env={**bare, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bare_checkout_uses_the_development_defaults() -> None:
    done = run()
    assert done.returncode == 1
    assert "PAJA_SECRET_KEY" not in done.stderr


def test_a_deployment_without_its_secrets_is_refused() -> None:
    done = run(PAJA_ORIGIN="https://paja.example")
    assert "Set PAJA_SECRET_KEY" in done.stderr

    done = run(PAJA_ORIGIN="https://paja.example", PAJA_SECRET_KEY="given")
    assert "Set PAJA_OIDC_KEY" in done.stderr
