"""Django as a WSGI application; `asgi` puts it beside the live updates."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wasl.site.settings")
application = get_wsgi_application()
