"""Django's settings of the house. Everything that differs between two installations comes from the environment,
which `./wasl` fills in; secrets come from `secrets.json` in the data folder."""

import json
import os
import shlex
from base64 import b64decode
from pathlib import Path

import dj_database_url
from django.utils.translation import gettext_lazy as _

WASL_DATA = Path(os.environ.get("WASL_DATA", "data")).resolve()
WASL_BASE_URL = os.environ.get("WASL_BASE_URL", "http://127.0.0.1:8000")
WASL_DEMO = os.environ.get("WASL_DEMO", "")
_secrets = json.loads((WASL_DATA / "secrets.json").read_text())

SECRET_KEY: str = _secrets["django_key"]
WASL_SEAL_KEY: bytes = b64decode(_secrets["seal_key"])
DEBUG = False
ALLOWED_HOSTS = os.environ.get("WASL_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [WASL_BASE_URL]

# The tile server that maps may draw beneath the city's shapes, as in "https://tiles.example/{z}/{x}/{y}.png"; empty for
# none. It is the one foreign host that the content security policy lets pictures come from.
WASL_MAP_TILES = os.environ.get("WASL_TILES", "")
WASL_MAP_CREDIT = os.environ.get("WASL_TILES_CREDIT", "")
# A practice is a house of its own (`site.practice`), with its own cookies: a browser has both open at once.
WASL_IS_PRACTICE = os.environ.get("WASL_IS_PRACTICE", "") == "1"
WASL_HOUSE_URL = os.environ.get("WASL_HOUSE_URL", WASL_BASE_URL)
WASL_PRACTICE_URL = os.environ.get("WASL_PRACTICE_URL", "")
WASL_PRACTICE_AT = os.environ.get("WASL_PRACTICE_AT", "127.0.0.1:1")
WASL_PRACTICE_DATA = WASL_DATA / "practice"
if WASL_IS_PRACTICE:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "wasl_practice", "wasl_practice_csrf"

WASL_WIRING = "wasl.site.wiring"
WASL_CITY = "wasl.core.organisation.queries.city_for_pages"
WASL_REOPEN_DAYS = 30
WASL_ANSWER_DAYS = 5
# Networks that are not public and that sources of enquiries and webhooks may be in all the same, as in
# "10.20.0.0/16,192.0.2.7"; see kernel/outward.py.
WASL_OUTWARD_NETWORKS = [one.strip() for one in os.environ.get("WASL_OUTWARD_NETWORKS", "").split(",") if one.strip()]
# Who may read /metrics: whoever has this token; without one, this machine alone (faces.metrics).
WASL_METRICS_TOKEN = os.environ.get("WASL_METRICS_TOKEN", "")
WASL_RETENTION_DAYS = int(os.environ.get("WASL_RETENTION_DAYS", "1095"))
# How long numbers and words of texts are kept; their figures stay.
WASL_TEXTS_DAYS = int(os.environ.get("WASL_TEXTS_DAYS", "180"))
# What hands messages over, by channel; a channel that is not here is one that this installation cannot send on.
WASL_COURIERS = {
    "mail": "wasl.channels.mail.outgoing.MailCourier",
    "sms": "wasl.channels.sms.outgoing.SmsCourier",
}
# A message that a sender has held for so long is in doubt: the sender died with it.
WASL_SENDER_LEASE_S = float(os.environ.get("WASL_SENDER_LEASE_S", "60"))
# Whose word on who asks is taken: reverse proxies, addresses or networks. Others cannot reach a loopback address.
WASL_PROXIES = os.environ.get("WASL_PROXIES", "127.0.0.1,::1")
# Ways to reach the hotline beside telephone, mail and this site, as JSON: {"fax": "+968 …", "sms": "90888"};
# see faces/portal/ways.py.
WASL_WAYS = json.loads(os.environ.get("WASL_WAYS", "{}"))
# Where the links in messages lead, below WASL_BASE_URL.
WASL_PAGES = {
    "track": "/track/?number={number}",
    "answer": "/answer/{token}/",
    "case": "/desk/case/{number}/",
    "notices": "/desk/notices/",
    "account": "/desk/me/account/",
    "code": "/me/open/{token}/",
}

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "django_htmx",
    "procrastinate.contrib.django",
    "wasl.kernel.apps.KernelConfig",
    "wasl.core.organisation",
    "wasl.core.roster",
    "wasl.core.catalogue",
    "wasl.core.people",
    "wasl.core.contacts",
    "wasl.core.cases",
    "wasl.services.messages",
    "wasl.services.learning",
    "wasl.services.enquiries",
    "wasl.services.texts",
    "wasl.services.subscriptions",
    "wasl.services.articles",
    "wasl.services.dialogue",
    "wasl.services.campaigns",
    "wasl.services.exchange",
    "wasl.services.calls",
    "wasl.services.quality",
    "wasl.channels.mail",
    "wasl.faces.frame",
    "wasl.faces.open311",
    "wasl.faces.portal",
    "wasl.faces.desk",
    "wasl.faces.desk.saved",
    "wasl.faces.demo",
    "wasl.faces.practice",
    "wasl.site",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "wasl.faces.frame.squeeze.Squeeze",
    "wasl.faces.frame.security.SecurityHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "wasl.faces.frame.errors.WhileNotSetUp",
    "wasl.faces.frame.errors.Unreadable",
]

if WASL_IS_PRACTICE:
    MIDDLEWARE.append("wasl.faces.practice.use.InUse")

CSRF_FAILURE_VIEW = "wasl.faces.frame.errors.csrf_failed"
ROOT_URLCONF = "wasl.site.urls"
WSGI_APPLICATION = "wasl.site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "wasl.faces.frame.context.frame",
            ],
        },
    }
]
FORM_RENDERER = "wasl.faces.frame.forms.FrameRenderer"

DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("WASL_DATABASE_URL", "postgresql://wasl@127.0.0.1:5432/wasl"),
        conn_max_age=None,
        conn_health_checks=True,
    )
}
# Statements of the hot path are prepared after five runs; the server's clock for a forgotten transaction is short,
# because the daily root of the journal is taken ten minutes after midnight and no transaction may be older than that.
DATABASES["default"]["OPTIONS"] = {
    "prepare_threshold": 5,
    "options": "-c idle_in_transaction_session_timeout=300000 -c statement_timeout=300000 -c timezone=UTC",
}
PROCRASTINATE_IMPORT_PATHS = ["wasl.site.schedule", "wasl.site.upkeep"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "site_cache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = WASL_BASE_URL.startswith("https:")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SESSION_COOKIE_SECURE else None

AUTH_USER_MODEL = "organisation.Staff"
AUTHENTICATION_BACKENDS = ["wasl.site.accounts.Locking"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "wasl.site.accounts.ClosedSignup"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/desk/"

LANGUAGE_CODE = "ar"
LANGUAGES = [("ar", _("Arabic")), ("en", _("English")), ("zh-hans", _("Chinese"))]
LOCALE_PATHS = [Path(__file__).resolve().parents[1] / "locale"]
USE_TZ = True
TIME_ZONE = "Asia/Muscat"

STATIC_URL = "/static/"
STATIC_ROOT = WASL_DATA / "static"
STATICFILES_DIRS = [Path(__file__).resolve().parents[1] / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
# The build names what it makes by content, so a browser may keep it for ever.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/dist/.+[.-][0-9A-Za-z]{8,}\."
MEDIA_ROOT = WASL_DATA / "files"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

EMAIL_HOST = os.environ.get("WASL_MAIL_HOST", "127.0.0.1")
EMAIL_PORT = int(os.environ.get("WASL_MAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("WASL_MAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("WASL_MAIL_PASSWORD", "")
EMAIL_USE_TLS = os.environ.get("WASL_MAIL_TLS", "") == "starttls"
EMAIL_TIMEOUT = float(os.environ.get("WASL_MAIL_TIMEOUT_S", "20"))
DEFAULT_FROM_EMAIL = os.environ.get("WASL_MAIL_FROM", "hotline@wasl.example")
# Where `mail_in` listens for what comes back (bounces); the city's mail server hands them over.
WASL_MAIL_IN_HOST = os.environ.get("WASL_MAIL_IN_HOST", "127.0.0.1")
WASL_MAIL_IN_PORT = int(os.environ.get("WASL_MAIL_IN_PORT", "8025"))
# The demo's mobile operator, beside us on loopback; 0: there is none.
WASL_VOICE = WASL_DATA / "voice"
# Recordings of calls are erased after so many days.
WASL_RECORDING_DAYS = int(os.environ.get("WASL_RECORDING_DAYS", "365"))
# What speaks instead of espeak-ng, as a command line; see docs/telephone.md for what it reads and writes.
WASL_SPEECH_COMMAND = shlex.split(os.environ.get("WASL_SPEECH_COMMAND", ""))
WASL_SIP_HOST = os.environ.get("WASL_SIP_HOST", "127.0.0.1")
WASL_SIP_PORT = int(os.environ.get("WASL_SIP_PORT", "0"))
# SIP over TLS; 0: not at all. Without a certificate (PEM, with those between it and its root) we make one.
WASL_SIP_TLS_PORT = int(os.environ.get("WASL_SIP_TLS_PORT", "0"))
WASL_SIP_CERTIFICATE = os.environ.get("WASL_SIP_CERTIFICATE", "")
WASL_SIP_KEY = os.environ.get("WASL_SIP_KEY", "")
WASL_RTP_PORTS = os.environ.get("WASL_RTP_PORTS", "20000-20999")
WASL_ARI_PORT = int(os.environ.get("WASL_ARI_PORT", "0"))
WASL_AMI_PORT = int(os.environ.get("WASL_AMI_PORT", "0"))
WASL_ARI_SECRET: str = _secrets.get("ari_secret", "")
WASL_AMI_SECRET: str = _secrets.get("ami_secret", "")

WASL_DEMO_SMSC_PORT = int(os.environ.get("WASL_DEMO_SMSC_PORT", "0"))
WASL_DEMO_SMSC_CONTROL_PORT = int(os.environ.get("WASL_DEMO_SMSC_CONTROL_PORT", "0"))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("WASL_LOG_LEVEL", "INFO")},
    # It tells at every start of every command which tasks it found.
    "loggers": {"procrastinate": {"level": "WARNING"}},
}
SILENCED_SYSTEM_CHECKS: list[str] = []
