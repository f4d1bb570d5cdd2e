"""All settings, one section per subsystem, read from the environment."""

from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext
from csp.constants import NONE, SELF
from django.contrib.messages import constants as message_levels

from config.env import (
    env_bool,
    env_int,
    env_list,
    env_secret,
    env_secrets_by_suffix,
    env_str,
    find_secret,
)

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env_str("PAJA_DATA", str(BASE_DIR / "data"))).resolve()
PORT = env_int("PAJA_PORT", default=8000)

# --- Django ----------------------------------------------------------------------------------------
# Defaults for one machine, without TLS and secrets. Django's own DEBUG stays off: people see our error pages.
DEVELOPMENT = env_bool("PAJA_DEVELOPMENT", default=False)
SECRET_KEY = env_secret("PAJA_SECRET_KEY", development_default="development-only", development=DEVELOPMENT)
ORIGIN = env_str("PAJA_ORIGIN", f"http://localhost:{PORT}")
ALLOWED_HOSTS = env_list("PAJA_ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = [ORIGIN]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "allauth",
    "allauth.account",
    "allauth.idp.oidc",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "django_htmx",
    "csp",
    "django.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "courses.apps.CoursesConfig",
    "labs.apps.LabsConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "config.bodies.BodySizeMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "courses.middleware.UnstoredPagesMiddleware",
    "courses.middleware.PersonalSettingsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.template.context_processors.tz",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "courses.context_processors.navigation",
                "labs.context_processors.running_sessions",
                "labs.context_processors.grading_alarm",
            ],
        },
    },
]
MESSAGE_TAGS = {message_levels.ERROR: "danger"}

# --- Database, cache -------------------------------------------------------------------------------
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        find_secret("PAJA_DATABASE_URL") or f"sqlite:///{DATA_DIR / 'db.sqlite3'}", conn_max_age=60
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # else two writers meet "database is locked" half-way
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
# The cache holds the counters of rate limits, and a broker that is down must lock nobody out.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "paja_cache"},
}

# --- Files -----------------------------------------------------------------------------------------
# Workers on several hosts share database, Redis and this; nothing else of a grading is kept.
MEDIA_ROOT = Path(env_str("PAJA_STORAGE", str(DATA_DIR / "media"))).resolve()
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEVELOPMENT
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- Languages and times ---------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fi", "Suomi"), ("el", "Ελληνικά")]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
LANGUAGE_COOKIE_NAME = "paja_language"
USE_TZ = True
TIME_ZONE = "UTC"

# --- People ----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "courses.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "courses:home"
ACCOUNT_ADAPTER = "courses.identity.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "courses.forms.PersonalSettingsSignupForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "optional" if DEVELOPMENT else "mandatory"
ACCOUNT_LOGOUT_REDIRECT_URL = "courses:catalogue"
ACCOUNT_SESSION_REMEMBER = True
# A whole class comes from one address. Guessing is bounded by the limit for each account.
ACCOUNT_RATE_LIMITS = {"login": "300/m/ip", "signup": "200/m/ip", "login_failed": "60/m/ip,5/5m/key"}
EMAIL_BACKEND = env_str(
    "PAJA_EMAIL_BACKEND",
    f"django.core.mail.backends.{'console' if DEVELOPMENT else 'smtp'}.EmailBackend",
)
EMAIL_HOST = env_str("PAJA_EMAIL_HOST", "localhost")
ACCOUNT_EMAIL_SUBJECT_PREFIX = EMAIL_SUBJECT_PREFIX = "Paja: "
DEFAULT_FROM_EMAIL = env_str("PAJA_EMAIL_FROM", "paja@localhost")

# --- OpenID Connect provider of the hubs -------------------------------------------------------------
IDP_OIDC_ADAPTER = "courses.identity.HubIdentityAdapter"
IDP_OIDC_PRIVATE_KEY = env_secret("PAJA_OIDC_KEY", development_default="", development=DEVELOPMENT)

# --- Security --------------------------------------------------------------------------------------
SESSION_COOKIE_NAME = "paja_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEVELOPMENT
CSRF_COOKIE_NAME = "paja_csrf"
TLS_PROXY = env_bool("PAJA_TLS_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TLS_PROXY else None
ALLAUTH_TRUSTED_PROXY_COUNT = int(TLS_PROXY)  # else all learners would share the proxy's rate limits
SECURE_SSL_REDIRECT = not DEVELOPMENT
SECURE_HSTS_SECONDS = 0 if DEVELOPMENT else 31_536_000
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- Celery ----------------------------------------------------------------------------------------
REDIS_URL = find_secret("PAJA_REDIS_URL") or "redis://127.0.0.1:6379/0"
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# KiB; several times what a grading process needs. One that leaks is replaced when its task is done.
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1024 * 1024
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A web request must not wait for a broker that is down: the sweeps send again what was not sent.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
}
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- API -------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "courses.api.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Paja",
    "DESCRIPTION": "Courses, cohorts, lab sessions and submissions of the AI factories.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # Several objects have a "status"; without names the document would number them.
    "ENUM_NAME_OVERRIDES": {
        "EnrolmentStatus": "courses.states.EnrolmentStatus",
        "SessionStatus": "labs.states.SessionStatus",
        "SubmissionStatus": "labs.states.SubmissionStatus",
        "GradingStatus": "labs.states.GradingStatus",
    },
}

# --- Labs ------------------------------------------------------------------------------------------
LAB_PYTHON = Path(env_str("PAJA_LAB_PYTHON", str(BASE_DIR / ".venv-lab" / "bin" / "python")))
HUB_TOKENS = env_secrets_by_suffix("PAJA_HUB_TOKEN_")
# The hub account whose servers grade what needs a GPU; no person's name is made like it.
GRADER_NAME = env_str("PAJA_GRADER_NAME", "p-grader")
GRADER_BOXES = env_int("PAJA_GRADER_BOXES", default=1)  # as the runners' own PAJA_RUNNER_BOXES
GRADER_IDLE_MINUTES = env_int("PAJA_GRADER_IDLE_MINUTES", default=10)
VISIT_SECONDS = env_int("PAJA_VISIT_SECONDS", default=180)
SNAPSHOT_SECONDS = env_int("PAJA_SNAPSHOT_SECONDS", default=180)
# Hubs ask their Slurm every 15 seconds, and one answer that does not come is no news.
SLURM_SILENT_SECONDS = env_int("PAJA_SLURM_SILENT_SECONDS", default=60)

# --- Logging ---------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # httpx logs addresses; ours carry names of servers, which belong to the hub's own log.
        "httpx": {"level": "WARNING"},
        # A line for every sweep, every two seconds, would hide all others.
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        # nbgrader warns of every test cell whose hidden tests it puts back.
        "traitlets": {"level": "ERROR"},
    },
}
