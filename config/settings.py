"""Every setting, read top to bottom; every value can come from the environment.

Order of precedence: the process's environment, `.env` beside this project, then
`DATA_DIR/local.env`, which `make run` writes once with random secrets, and `running.env`
with the ports of its last start. `.env.example` lists the variables with a line each.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import environ
from django.db.backends.base.base import BaseDatabaseWrapper
from django.urls import reverse_lazy

from config.logging import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")
DATA_DIR = Path(env.str("DATA_DIR", default="data"))
if not DATA_DIR.is_absolute():
    DATA_DIR = BASE_DIR / DATA_DIR
env.read_env(DATA_DIR / "local.env")
env.read_env(DATA_DIR / "running.env")

DEBUG = env.bool("DEBUG", default=False)
PORT = env.int("PORT", default=8000)
SANDBOX_PORT = env.int("SANDBOX_PORT", default=8001)

# --- Secrets --------------------------------------------------------------------------

# Good enough to look around with DEBUG on; never accepted with DEBUG off.
INSECURE_DEFAULTS = {
    "SECRET_KEY": "insecure-development-key-0123456789-0123456789-0123456789",
    "FIELD_ENCRYPTION_KEYS": "aW5zZWN1cmUtZGV2ZWxvcG1lbnQta2V5LTAxMjM0NTY=",
    "META_APP_SECRET": "insecure-app-secret",
    "META_VERIFY_TOKEN": "insecure-verify-token",
}


def secret(name: str) -> str:
    """The value of a secret; stops the start with a sentence where it would be unsafe."""
    value: str = env.str(name, default="")
    if DEBUG:
        return value or INSECURE_DEFAULTS[name]
    if not value or value == INSECURE_DEFAULTS[name]:
        sys.stderr.write(
            f"Tuma does not start: {name} is {'the development default' if value else 'not set'}. "
            f"Set it in the environment or in .env (`make run` writes one to {DATA_DIR}/local.env), "
            "or set DEBUG=on to try things out.\n"
        )
        sys.exit(3)  # on any other code gunicorn would try again for ever
    return value


SECRET_KEY = secret("SECRET_KEY")
# Comma-separated Fernet keys. The first encrypts; all decrypt, so that keys can be rotated.
FIELD_ENCRYPTION_KEYS = [key for key in secret("FIELD_ENCRYPTION_KEYS").split(",") if key]
META_APP_SECRET = secret("META_APP_SECRET")
META_VERIFY_TOKEN = secret("META_VERIFY_TOKEN")

# --- Hosts ----------------------------------------------------------------------------

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# How many proxies stand before us; the address of a caller is read past that many.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}")
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

HTTPS = env.bool("HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
# A load balancer asks for these over plain http, inside the network.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- Applications ---------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "companies",
    "contacts",
    "templates_app",
    "messaging",
]

MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.MachineMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "companies.staff_impersonation.OwnAccountMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database -------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'tuma.sqlite3'}")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that starts by reading and then writes would fail at once when another
        # process writes in between; IMMEDIATE waits its turn instead, for `timeout` seconds.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # A file, as in real life: threads and processes of a test share it.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # The statements of config.sql.run are prepared when a connection runs them for the third time.
    # Not behind a pooler that gives each transaction another connection, where people set this:
    if not DATABASES["default"].get("DISABLE_SERVER_SIDE_CURSORS"):
        DATABASES["default"].setdefault("OPTIONS", {})["prepare_threshold"] = 2
# A new connection for each request would cost more than the request.
DATABASES["default"]["CONN_MAX_AGE"] = 600
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if DEBUG:
    # With DEBUG on, Django formats and keeps the text of every query for ever: in a worker that is
    # a leak, and slow. Only whoever asks for it (assertNumQueries, a debug cursor) gets it.
    BaseDatabaseWrapper.queries_logged = property(lambda self: self.force_debug_cursor)  # type: ignore[assignment]
    warnings.filterwarnings("ignore", message="Using settings.DEBUG leads to a memory")

# --- Cache and Celery -----------------------------------------------------------------

CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://tuma")}

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
BROKER_DIR = DATA_DIR / "broker"
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "control_folder": str(BROKER_DIR / "control"),
        "store_processed": False,
        "polling_interval": 0.1,
    }
    (BROKER_DIR / "queue").mkdir(parents=True, exist_ok=True)
else:
    # A request must not hang because the broker does: the sweep repairs a lost wake.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        "connect_timeout": 2,
        "max_retries": 1,
        "interval_start": 0,
    }
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "tuma"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat")
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "messaging.sweep", "schedule": 5.0, "options": {"expires": 30}},
    "housekeeping": {
        "task": "messaging.housekeeping",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "templates": {
        "task": "templates_app.sync_all",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
}
CELERY_TIMEZONE = "UTC"

# --- Sending --------------------------------------------------------------------------

GRAPH_API_URL = env.str("GRAPH_API_URL", default="https://graph.facebook.com").rstrip("/")
GRAPH_API_VERSION = env.str("GRAPH_API_VERSION", default="v25.0")
# How long an unanswered send waits for evidence before it may be sent again (authentication codes:
# a fifth of it), and when it fails as unconfirmed for want of any.
UNCERTAIN_GRACE_SECONDS = env.int("UNCERTAIN_GRACE_SECONDS", default=600)
UNCERTAIN_DEADLINE_SECONDS = env.int("UNCERTAIN_DEADLINE_SECONDS", default=3600)
# Networks that companies' own webhook and media addresses may reach although they are private.
TENANT_URL_ALLOW = env.list("TENANT_URL_ALLOW", default=[])

API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", default=600)
WHATSSYNC_REQUESTS_PER_MINUTE = env.int("WHATSSYNC_REQUESTS_PER_MINUTE", default=60)
AUTH_FAILURES_PER_MINUTE = env.int("AUTH_FAILURES_PER_MINUTE", default=600)
MAX_BODY_BYTES = env.int("MAX_BODY_BYTES", default=5 * 1024 * 1024)
# Django's own limit on reading a body; ours answers first, in the caller's error shape.
DATA_UPLOAD_MAX_MEMORY_SIZE = None
# As many as the longest URL that gunicorn takes can hold: no query is a failure of ours.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4096
WEBHOOK_RETENTION_DAYS = env.int("WEBHOOK_RETENTION_DAYS", default=30)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Sign-in --------------------------------------------------------------------------

AUTH_USER_MODEL = "companies.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "companies.accounts.AccountAdapter"
# A new address counts once its owner has clicked the link in a mail to it.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_FORMS = {"add_email": "companies.accounts.NewAddressForm"}
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Mail to people when somebody changed their password, address or two-factor sign-in.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
MFA_ADAPTER = "companies.accounts.MfaAdapter"
MFA_TOTP_ISSUER = "Tuma"
# Accounts are made by staff and owners for people whom they know.
MFA_ALLOW_UNVERIFIED_EMAIL = True
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Staff who may work as one of a company's people, and as whom.
HIJACK_PERMISSION_CHECK = "companies.staff_impersonation.may"
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Tuma <tuma@localhost>")

# --- Pages ----------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("sw", "Kiswahili"), ("ar", "العربية")]
# `packages` holds what Django and allauth leave untranslated.
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "packages"]
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served straight from the source folders, so that nothing needs collecting before a start.
WHITENOISE_USE_FINDERS = True
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# --- Media ----------------------------------------------------------------------------

# Files of companies: in DATA_DIR, or in an S3 bucket where more than one machine must reach them.
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_BUCKET = env.str("MEDIA_BUCKET", default="")
if MEDIA_BUCKET:
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": MEDIA_BUCKET,
            "location": env.str("MEDIA_BUCKET_PREFIX", default=""),
            "endpoint_url": env.str("MEDIA_BUCKET_ENDPOINT", default="") or None,
            "region_name": env.str("MEDIA_BUCKET_REGION", default="") or None,
            # Keys come from where boto3 looks for them: AWS_ACCESS_KEY_ID …, a role, a file.
            "default_acl": None,
            "file_overwrite": False,
            "max_memory_size": 1024 * 1024,
        },
    }
# Days until a file is deleted; 0 for never.
MEDIA_RETENTION_DAYS = env.int("MEDIA_RETENTION_DAYS", default=0)
INBOUND_MEDIA_RETENTION_DAYS = env.int("INBOUND_MEDIA_RETENTION_DAYS", default=90)
# Files of contacts that people upload to import: how large, and for how many days they are kept.
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=50 * 1024 * 1024)
IMPORT_RETENTION_DAYS = env.int("IMPORT_RETENTION_DAYS", default=7)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "media-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
# Unfold ships the build of Alpine.js that evaluates strings; only staff pages get it.
ADMIN_CONTENT_SECURITY_POLICY = {
    **CONTENT_SECURITY_POLICY["DIRECTIVES"],
    "script-src": ["'self'", "'unsafe-eval'", "'unsafe-inline'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}


def sidebar_group(title: str, *items: tuple[str, str, str]) -> dict[str, Any]:
    """A part of the staff's side navigation: words, icon and page of each item. Who may not see the
    page does not see the item: a table's view permission, else that which is named here.
    """
    links = [sidebar_item(*item) for item in items]
    return {"title": title, "separator": bool(title), "items": links}


def sidebar_item(title: str, icon: str, page: str) -> dict[str, Any]:
    table = page.removeprefix("admin:").removesuffix("_changelist")
    app, _, model = table.rpartition("_")
    permission = SIDEBAR_NEEDS.get(page, f"{app}.view_{model}")
    item: dict[str, Any] = {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(page),
        "permission": lambda request: not permission or request.user.has_perm(permission),
    }
    if page.startswith("queue_"):
        item["badge"] = f"messaging.staff_dashboard.waiting_{page.removeprefix('queue_')}"
    return item


SIDEBAR_NEEDS = {
    "queue_companies": "companies.view_company",
    "queue_channels": "companies.view_channel",
    "queue_templates": "templates_app.view_template",
    "operations": "companies.view_channel",
    "error_policy": "",
    "admin:index": "",
}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Tuma staff",
    "SITE_HEADER": "Tuma",
    "SITE_SUBHEADER": "Staff",
    "SITE_SYMBOL": "send",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "messaging.staff_dashboard.dashboard",
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            sidebar_group("", ("Overview", "space_dashboard", "admin:index")),
            sidebar_group(
                "Queues",
                ("Companies", "domain_add", "queue_companies"),
                ("Channels", "add_call", "queue_channels"),
                ("Templates", "rule", "queue_templates"),
            ),
            sidebar_group(
                "Companies",
                ("Companies", "apartment", "admin:companies_company_changelist"),
                ("Channels", "phone_iphone", "admin:companies_channel_changelist"),
                ("API keys", "key", "admin:companies_apikey_changelist"),
                ("Credit ledger", "payments", "admin:companies_creditentry_changelist"),
                ("Users", "person", "admin:companies_user_changelist"),
                ("Memberships", "group", "admin:companies_membership_changelist"),
                ("Audit log", "history", "admin:companies_auditevent_changelist"),
                ("Decisions", "gavel", "admin:companies_decision_changelist"),
            ),
            sidebar_group(
                "Sending",
                ("Templates", "chat", "admin:templates_app_template_changelist"),
                ("Batches", "stacks", "admin:messaging_batch_changelist"),
                ("Messages", "send", "admin:messaging_message_changelist"),
                ("Received", "inbox", "admin:messaging_inboundmessage_changelist"),
                ("Media", "image", "admin:messaging_media_changelist"),
                ("Daily usage", "bar_chart", "admin:messaging_dailyusage_changelist"),
                ("Daily failures", "error", "admin:messaging_dailyfailure_changelist"),
            ),
            sidebar_group(
                "Address books",
                ("Contacts", "contacts", "admin:contacts_contact_changelist"),
                ("Tags", "sell", "admin:contacts_tag_changelist"),
            ),
            sidebar_group(
                "Machinery",
                ("Operations", "monitor_heart", "operations"),
                ("Webhook events", "webhook", "admin:messaging_webhookevent_changelist"),
                ("Companies’ webhooks", "outbox", "admin:messaging_webhookendpoint_changelist"),
                ("Webhook deliveries", "outbound", "admin:messaging_webhookdelivery_changelist"),
                ("Error policy", "rule", "error_policy"),
                ("Channel states", "sync", "admin:messaging_channelstate_changelist"),
            ),
        ],
    },
    "COLORS": {
        "primary": {
            "50": "236 250 243",
            "100": "210 243 226",
            "200": "167 230 200",
            "300": "110 210 168",
            "400": "60 180 133",
            "500": "25 150 105",
            "600": "11 122 83",
            "700": "10 98 68",
            "800": "11 78 56",
            "900": "10 65 47",
            "950": "4 37 27",
        }
    },
}

# --- Logs -----------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_JSON = env.bool("LOG_JSON", default=not DEBUG)
LOGGING = logging_config(level=LOG_LEVEL, as_json=LOG_JSON)
