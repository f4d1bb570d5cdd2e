"""What the hub writes into its log: no address of a person's computer, no query, no cookie."""

import logging

from jupyterhub.metrics import prometheus_log_method
from jupyterhub.user import User
from tornado.log import access_log
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


def hide_cookies() -> None:
    """Leave out the line that JupyterHub writes with the identity inside each new token against forgeries."""
    logging.getLogger("tornado.application").addFilter(
        lambda record: not str(record.msg).startswith("Setting new xsrf cookie")
    )
