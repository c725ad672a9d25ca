"""Django's settings, for a demonstration on one machine: ``DEBUG`` is on, only the loopback is served."""

import os

from shop.local import DATA, secret

SECRET_KEY = secret("secret-key")
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "voyant_cloud.integrations.django",
    "orders",
]

# The key and the address of the service come from VOYANT_CLOUD_API_KEY and VOYANT_CLOUD_API_URL. An order is saved
# whether or not the service can be reached, so nobody waits for it long.
VOYANT_CLOUD = {"TIMEOUT": 2, "RETRIES": 0}
# How long somebody who is no longer allowed to still sees changes, at most.
ORDERS_TOKEN_SECONDS = int(os.environ.get("ORDERS_TOKEN_SECONDS", "600"))

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "shop.csp.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "shop.urls"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "board"
LOGOUT_REDIRECT_URL = "login"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA / "orders.sqlite3",
        "OPTIONS": {"timeout": 20},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATIC_ROOT = DATA / "static"
TEST_RUNNER = "shop.testing.RealtimeRunner"
