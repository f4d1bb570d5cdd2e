"""The hub of one factory. Every value comes from the environment, secrets from files that it names.

Learners reach their own server and nothing else: only Paja's service token starts or stops one. What the hub answers
by itself is in `handlers.py`, how its pages look in `pages.py`, how people log in in `authenticator.py`.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from oauthenticator import oauth2
from tornado.httpserver import HTTPServer

from deploy.jupyterhub import logs, pages
from deploy.jupyterhub.addresses import USER_NAME
from deploy.jupyterhub.slurm.configuration import configure

c = get_config()  # type: ignore[name-defined]  # noqa: F821


def value(name: str, default: str | None = None) -> str:
    """A value of the environment, or the content of the file that NAME_FILE names."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        return Path(path).read_text().strip()
    found = os.environ.get(name, default)
    if not found:
        raise SystemExit(f"The hub needs {name} or {name}_FILE.")
    return found


data = Path(value("PAJA_HUB_DATA"))
factory = value("PAJA_HUB_FACTORY")
origin = value("PAJA_HUB_ORIGIN")  # http://kajaani.localhost:8010, as browsers see it
paja = value("PAJA_ORIGIN")  # http://localhost:8000, as browsers see it
paja_inside = value("PAJA_INSIDE_ORIGIN", paja)  # the same, as this host reaches it
is_tls = urlsplit(origin).scheme == "https"  # everywhere but on a developer's machine

# --- Addresses -------------------------------------------------------------------------------------
# An origin for each learner: scripts in one notebook never run on another's origin, the hub's or Paja's.
c.JupyterHub.subdomain_host = origin
c.JupyterHub.bind_url = value("PAJA_HUB_PROXY_URL")
c.JupyterHub.hub_bind_url = value("PAJA_HUB_URL")
# The proxy runs beside the hub, so that a restart of the hub cuts nobody off.
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = value("PAJA_HUB_PROXY_API_URL")
c.ConfigurableHTTPProxy.auth_token = value("PAJA_HUB_PROXY_TOKEN")
# The proxy keeps its routes in memory. This is also how often the hub puts them right after the proxy died.
c.JupyterHub.last_activity_interval = 10
# A restarted hub finds its servers again instead of ending them, and does not stop the proxy that is not its own.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
# What is asked of the hub is small. Tornado would take 100 MB into memory from anybody, logged in or not.
HTTPServer.configure(None, max_body_size=1024**2, max_header_size=32 * 1024)

# --- Its own files ---------------------------------------------------------------------------------
c.JupyterHub.db_url = value("PAJA_HUB_DATABASE_URL", f"sqlite:///{data / 'jupyterhub.sqlite'}")
c.JupyterHub.cookie_secret_file = str(data / "cookie_secret")

# --- Who may do what -------------------------------------------------------------------------------
c.JupyterHub.services = [{"name": "paja", "api_token": value("PAJA_HUB_TOKEN")}]
c.JupyterHub.load_roles = [
    {
        # admin:users: a user must exist before a server of theirs can be started, and whoever logs out of Paja is
        # logged out here. It makes no administrator.
        "name": "paja",
        "services": ["paja"],
        "scopes": ["admin:users", "servers", "tokens", "read:hub"],
    },
    {
        # Reach one's own server, and let it say that it is in use. No start, no stop, no tokens: else quotas
        # could be walked around.
        "name": "user",
        "scopes": [
            "access:servers!user",
            "read:users:name!user",
            "read:users:groups!user",
            "users:activity!user",
        ],
    },
]
# Paja asks for a token for some minutes; nothing that is asked for over the API may live for ever.
c.JupyterHub.token_expires_in_max_seconds = 3600

# --- Logging in ------------------------------------------------------------------------------------
c.JupyterHub.authenticator_class = "deploy.jupyterhub.authenticator.PajaAuthenticator"
c.PajaAuthenticator.client_id = value("PAJA_HUB_OIDC_ID")
c.PajaAuthenticator.client_secret = value("PAJA_HUB_OIDC_SECRET")
c.PajaAuthenticator.oauth_callback_url = f"{origin}/hub/oauth_callback"
c.PajaAuthenticator.authorize_url = f"{paja}/identity/o/authorize"
c.PajaAuthenticator.token_url = f"{paja_inside}/identity/o/api/token"
c.PajaAuthenticator.userdata_url = f"{paja_inside}/identity/o/api/userinfo"
c.PajaAuthenticator.username_claim = "preferred_username"
c.PajaAuthenticator.scope = ["openid"]
c.PajaAuthenticator.enable_pkce = True
c.PajaAuthenticator.auto_login = True
# Paja has made everybody known who may have a server here; anybody else has no business on this hub.
c.PajaAuthenticator.allow_existing_users = True
# Names become folders, hosts and, at a factory, what everybody reads in the list of jobs: only Paja's opaque ones.
c.PajaAuthenticator.username_pattern = USER_NAME
c.PajaAuthenticator.grader = value("PAJA_GRADER_NAME", "p-grader")
# Paja says who is logged out (handlers.SignOutHandler); there is nothing to ask it about again.
c.PajaAuthenticator.auth_refresh_age = 0

# --- Cookies ---------------------------------------------------------------------------------------
# A little longer than the longest session (3 days on LUMI's small-g), so that nobody's notebook stops saving in the
# midst of work. The sign-out ends a log-in earlier. Tokens that browsers hold for servers last as long.
c.JupyterHub.cookie_max_age_days = 4
c.JupyterHub.tornado_settings = {
    # The answer to a start is "under way", at once; Paja follows by itself.
    "slow_spawn_timeout": 0,
    # Gone with the browser's window: computers are shared. Lax, since Paja and the hub send people to each other.
    "cookie_options": {"samesite": "Lax", "expires_days": None, **({"secure": True} if is_tls else {})},
    "headers": {"Content-Security-Policy": pages.content_policy(), "Referrer-Policy": "same-origin"},
    "log_function": logs.log_request,
}
# Else a learner's origin, which is below the hub's, could put its own cookies under the hub's names. Browsers take
# the prefix over TLS only.
c.JupyterHub.cookie_host_prefix_enabled = is_tls
if is_tls:
    # The cookie of a log-in under way too, or a learner's page could end another's log-in as its own person.
    oauth2.STATE_COOKIE_NAME = f"__Host-{oauth2.STATE_COOKIE_NAME}"
# Our own servers all do; a code that was seen on its way is then worth nothing.
c.JupyterHub.oauth_require_pkce = True

# --- Servers ---------------------------------------------------------------------------------------
c.JupyterHub.allow_named_servers = True
c.JupyterHub.redirect_to_server = False
# Paja allows a few at a time and removes what has ended; this only bounds a fault there.
c.JupyterHub.named_server_limit_per_user = 16
# Counts servers that wait in Slurm as well: a whole class waits at once and must not be turned away.
c.JupyterHub.concurrent_spawn_limit = 0
# What one hub is trusted with; beyond it the answer is 429, and Paja asks again later.
c.JupyterHub.active_server_limit = int(value("PAJA_HUB_SERVERS_MAX", "200"))
c.JupyterHub.api_page_default_limit = 200
c.JupyterHub.api_page_max_limit = 200

factory_file = os.environ.get("PAJA_HUB_FACTORY_FILE", "")
# Of the hub's own environment a learner's server gets nothing: secrets are named in it.
c.Spawner.env_keep = []
c.Spawner.default_url = "/lab"
# A learner's own configuration file cannot keep their server from starting.
c.Spawner.disable_user_config = True
# One learner's broken server says nothing about the next one's.
c.Spawner.consecutive_failure_limit = 0
if factory_file:
    # Each server is a Slurm job.
    configure(c, Path(factory_file), data, grader=c.PajaAuthenticator.grader)
else:
    # A developer's machine: each server is a local process.
    c.JupyterHub.spawner_class = "deploy.jupyterhub.spawner.BubblewrapSpawner"
    c.BubblewrapSpawner.python = value("PAJA_HUB_LAB_PYTHON")
    c.BubblewrapSpawner.homes = str(data / "homes")
    c.BubblewrapSpawner.first_uid = int(value("PAJA_HUB_FIRST_UID", "40000"))
    # Labs that need a GPU are graded by servers of an account of their own, whose command is the box's runner.
    c.BubblewrapSpawner.grader = c.PajaAuthenticator.grader
    c.BubblewrapSpawner.runner_python = os.environ.get("PAJA_HUB_RUNNER_PYTHON", "")
    c.BubblewrapSpawner.runner_environment = {
        "PAJA_RUNNER_LAB_PYTHON": value("PAJA_HUB_LAB_PYTHON"),
        **{name: word for name, word in os.environ.items() if name.startswith("PAJA_RUNNER_")},
    }
    # A local process is there at once; loading it takes seconds, half a minute when everybody starts together.
    c.Spawner.start_timeout = 60
    c.Spawner.http_timeout = 120
    # How soon a server that died by itself is noticed; looking at a local process costs nothing.
    c.Spawner.poll_interval = 3

# --- Pages and log ---------------------------------------------------------------------------------
c.JupyterHub.default_url = paja
c.JupyterHub.template_paths = [str(pages.TEMPLATES)]
c.JupyterHub.template_vars = pages.page_vars(paja, factory)
c.JupyterHub.jinja_environment_options = {"extensions": [pages.Translations]}
pages.give_pages_their_request()
pages.write_proxy_pages(data / "pages", c.JupyterHub.template_vars)
logs.keep_browsers_out()
