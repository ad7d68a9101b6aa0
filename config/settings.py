"""The only settings module: every choice that differs between machines comes from the environment (`config/env.py`)."""

import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from common.logs import configure_structlog, logging_config
from config.env import BASE_DIR, bundled_redis_url, env, secret_file, var_dir

VAR_DIR = var_dir()
PRODUCTION = env.flag("PRODUCTION")
DEBUG = env.flag("DEBUG")

SECRET_KEY = env.text("SECRET_KEY")
if PRODUCTION and (
    len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5 or "insecure" in SECRET_KEY or "change-me" in SECRET_KEY
):
    raise ImproperlyConfigured("PRODUCTION=1 needs SECRET_KEY: at least 50 random characters, never a sample.")
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG is refused where PRODUCTION=1.")
SECRET_KEY = SECRET_KEY or secret_file("secret_key")

ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "common",
    "accounts",
    "projects",
    "corpus",
    "annotation",
    "routing",
    "training_bridge",
    "demo",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "common.middleware.PrivatePages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.languages.PersonLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "common.middleware.DomainErrors",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105  a model's name
# Knox's own migrations make a table for the model that ApiToken replaces; its reference to User breaks TRUNCATE.
MIGRATION_MODULES = {"knox": None}
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "projects:home"
LOGOUT_REDIRECT_URL = "accounts:login"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

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
                "projects.context.current_project",
            ],
        },
    }
]


def database(url: str) -> dict[str, object]:
    """The DATABASES entry for a `postgres://` URL, or SQLite tuned for many processes where there is none."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": VAR_DIR / "prefloop.sqlite3",
            "OPTIONS": {
                # Django's default DEFERRED cannot wait for the writer that upgrades its lock: "database is locked".
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
            "TEST": {"NAME": VAR_DIR / env.text("TEST_DATABASE_NAME", "test.sqlite3")},
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must start with postgres:// (leave it empty for SQLite).")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        # A pool's threads outlive the test database that they hold open.
        "OPTIONS": {} if "pytest" in sys.modules else {"pool": True},
        "TEST": {"NAME": env.text("TEST_DATABASE_NAME", "test_prefloop")},
    }


DATABASES = {"default": database(env.text("DATABASE_URL"))}
ATOMIC_REQUESTS = False

REDIS_URL = env.text("REDIS_URL") or bundled_redis_url()
CACHES: dict[str, dict[str, object]]
if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "prefloop",
        }
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": VAR_DIR / "cache",
            "OPTIONS": {"MAX_ENTRIES": 10000},
        }
    }

# Celery. The database is the queue; a message is only a doorbell (docs/architecture.md).
for folder in ("broker", "exchanges"):
    (VAR_DIR / folder).mkdir(exist_ok=True)
CELERY_BROKER_URL = REDIS_URL or "filesystem://"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = (
    # The default recovery of a dead worker's messages took 100 s; so tuned it takes 11 to 21 s.
    {"visibility_timeout": 6 * 3600, "unacked_restore_interval": 5, "unacked_restore_throttle": 1}
    if REDIS_URL
    else {
        "data_folder_in": str(VAR_DIR / "broker"),
        "data_folder_out": str(VAR_DIR / "broker"),
        "control_folder": str(VAR_DIR / "exchanges"),
        "polling_interval": 0.1,
    }
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

LOGGING = logging_config(json=env.flag("LOG_JSON", PRODUCTION), level=env.text("LOG_LEVEL", "INFO"))
configure_structlog()

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR_DIR / "static")))
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR_DIR / "files"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
# Every client of a test makes the middleware anew; reading all static files each time cost more than the tests.
WHITENOISE_AUTOREFRESH = DEBUG or "pytest" in sys.modules

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_COOKIES = PRODUCTION and not env.flag("INSECURE_HTTP")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = SECURE_COOKIES
SECURE_REDIRECT_EXEMPT = [r"^healthz/"]
SECURE_HSTS_SECONDS = 31536000 if SECURE_COOKIES else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_COOKIES
if env.flag("BEHIND_TLS_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

SELF = "'self'"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "img-src": [SELF],
        "form-action": [SELF],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.ApiTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["common.api.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["common.api.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "common.api.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "common.api.problem_details",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Prefloop API",
    "DESCRIPTION": "Collect feedback on model responses, route it, label it, train on it.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "common.api.describe_errors",
    ],
    # Several tables have a `state` or a `kind`; without these names the schema invents one out of a hash.
    "ENUM_NAME_OVERRIDES": {
        "ProjectStateEnum": "projects.models.Project.State",
        "ImportStateEnum": "corpus.models.Import.State",
        "ItemStateEnum": "annotation.models.Item.State",
        "SnapshotStateEnum": "training_bridge.models.Snapshot.State",
        "HashingStateEnum": "training_bridge.models.Hashing.State",
        "RunStateEnum": "training_bridge.models.Run.State",
        "ModelKindEnum": "corpus.models.ModelVersion.Kind",
        "RaterKindEnum": "annotation.models.Rater.Kind",
        "CompletionKindEnum": "projects.models.Completion.Kind",
    },
}

# Uploads go to disk above this size; an import streams from there.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_000_000
FILE_UPLOAD_PERMISSIONS = 0o600
IMPORT_MAX_BYTES = env.number("IMPORT_MAX_MB", 2048) * 1_000_000
IMPORT_MAX_RECORD_BYTES = 16_000_000  # one line; larger ones would not fit into a worker's memory once decoded
FILE_UPLOAD_HANDLERS = [
    "corpus.uploads.SizeCap",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Hosts that an `openai_compatible` judge may be pointed at (host or host:port).
JUDGE_ALLOWED_HOSTS = env.listing("JUDGE_ALLOWED_HOSTS")
# Folders that a base model may be loaded from, beside VAR_DIR/models.
MODEL_FOLDERS = [Path(folder).resolve() for folder in env.listing("MODEL_FOLDERS")]
# A sentence encoder, by folder or hub id: how alike texts are in meaning is then a feature of routing.
ENCODER = env.text("ENCODER")
