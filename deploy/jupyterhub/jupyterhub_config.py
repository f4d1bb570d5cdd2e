"""The hub of one factory. Every value comes from the environment, secrets from files that it names.

Learners reach their own server and nothing else: only Paja's service token starts or stops one.
"""

import os
from pathlib import Path

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
# A restarted hub finds its servers again instead of ending them.
c.JupyterHub.cleanup_servers = False

# --- Its own files ---------------------------------------------------------------------------------
c.JupyterHub.db_url = f"sqlite:///{data / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(data / "cookie_secret")

# --- Who may do what -------------------------------------------------------------------------------
c.JupyterHub.services = [{"name": "paja", "api_token": value("PAJA_HUB_TOKEN")}]
c.JupyterHub.load_roles = [
    {
        # admin:users: a user must exist before a server of theirs can be started. It makes no administrator.
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
c.JupyterHub.authenticator_class = "oauthenticator.generic.GenericOAuthenticator"
c.GenericOAuthenticator.client_id = value("PAJA_HUB_OIDC_ID")
c.GenericOAuthenticator.client_secret = value("PAJA_HUB_OIDC_SECRET")
c.GenericOAuthenticator.oauth_callback_url = f"{origin}/hub/oauth_callback"
c.GenericOAuthenticator.authorize_url = f"{paja}/identity/o/authorize"
c.GenericOAuthenticator.token_url = f"{paja_inside}/identity/o/api/token"
c.GenericOAuthenticator.userdata_url = f"{paja_inside}/identity/o/api/userinfo"
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.scope = ["openid"]
c.GenericOAuthenticator.enable_pkce = True
c.GenericOAuthenticator.auto_login = True
c.GenericOAuthenticator.logout_redirect_url = paja
# Paja has made everybody known who may have a server here; anybody else has no business on this hub.
c.GenericOAuthenticator.allow_existing_users = True

# --- Servers ---------------------------------------------------------------------------------------
c.JupyterHub.allow_named_servers = True
c.JupyterHub.redirect_to_server = False
# Paja allows a few at a time and removes what has ended; this only bounds a fault there.
c.JupyterHub.named_server_limit_per_user = 16
# Counts servers that wait in Slurm as well: a whole class waits at once and must not be turned away.
c.JupyterHub.concurrent_spawn_limit = 0
# What one hub is trusted with; beyond it the answer is 429, and Paja asks again later.
c.JupyterHub.active_server_limit = int(value("PAJA_HUB_SERVERS_MAX", "200"))
# The answer to a start is "under way", at once; Paja follows by itself.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.api_page_default_limit = 200
c.JupyterHub.api_page_max_limit = 200

c.JupyterHub.spawner_class = "deploy.jupyterhub.spawner.BubblewrapSpawner"
c.BubblewrapSpawner.python = value("PAJA_HUB_LAB_PYTHON")
c.BubblewrapSpawner.homes = str(data / "homes")
c.BubblewrapSpawner.first_uid = int(value("PAJA_HUB_FIRST_UID", "40000"))
# Of the hub's own environment a learner's server gets nothing: secrets are named in it.
c.Spawner.env_keep = []
c.Spawner.default_url = "/lab"
# A learner's own configuration file cannot keep their server from starting.
c.Spawner.disable_user_config = True
# A local process is there at once; loading it takes seconds, or half a minute when everybody starts together.
c.Spawner.start_timeout = 60
c.Spawner.http_timeout = 120
# How soon a server that died by itself is noticed; looking at a local process costs nothing.
c.Spawner.poll_interval = 3
# One learner's broken server says nothing about the next one's.
c.Spawner.consecutive_failure_limit = 0

# --- Pages -----------------------------------------------------------------------------------------
c.JupyterHub.default_url = paja
c.JupyterHub.template_paths = [str(Path(__file__).resolve().parent / "templates")]
c.JupyterHub.template_vars = {"paja": paja, "factory": factory.capitalize()}
