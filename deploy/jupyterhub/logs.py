"""What the hub writes into its log: no address of a person's computer, no query, no cookie."""

import logging
from types import TracebackType

from jupyterhub.metrics import prometheus_log_method
from jupyterhub.user import User
from tornado.log import access_log, app_log, gen_log
from tornado.web import HTTPError, RequestHandler

QUIET_PATHS = ("/hub/health", "/hub/api/health", "/hub/static/")


def log_request(handler: RequestHandler) -> None:
    """One line for a request: who by their opaque name, what, and how long it took.

    JupyterHub's own line has the address of the browser and the query; after an error, all headers.
    """
    status = handler.get_status()
    path = handler.request.path
    if status >= 500:
        level = logging.ERROR
    elif status >= 400:
        level = logging.WARNING
    else:
        level = logging.DEBUG if path.startswith(QUIET_PATHS) else logging.INFO
    milliseconds = 1000 * handler.request.request_time()
    access_log.log(
        level,
        "%d %s %s (%s) %.0f ms",
        status,
        handler.request.method,
        path[:200],
        name_of(handler),
        milliseconds,
    )
    prometheus_log_method(handler)


def name_of(handler: RequestHandler) -> str:
    """The opaque name of the person or service that asked; empty for nobody."""
    try:
        person = handler.current_user
    except (HTTPError, RuntimeError):  # refused before it was known who asks
        return ""
    return person.name if isinstance(person, User) else str(getattr(person, "name", ""))


def log_exception(
    handler: RequestHandler,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    """What went wrong with a request; Tornado's own line has the query and the address of the browser."""
    asked = f"{handler.request.method} {handler.request.path[:200]}"
    if not isinstance(error, HTTPError):
        app_log.error("%s: %s", asked, kind and kind.__name__, exc_info=(kind, error, trace))  # type: ignore[arg-type]
    elif message := error.get_message():
        gen_log.warning("%d %s: %s", error.status_code, asked, message)


def keep_browsers_out() -> None:
    """Write nothing that a browser sent beyond the path: no query after a fault, no identity inside a token."""
    RequestHandler.log_exception = log_exception  # type: ignore[assignment,method-assign]
    logging.getLogger("tornado.application").addFilter(
        lambda record: not str(record.msg).startswith("Setting new xsrf cookie")
    )
