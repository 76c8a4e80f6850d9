"""The headers that tell a browser what a page may load and who may frame it (CSP level 3, OWASP secure headers).

Scripts and styles come from this site only and never from inside a page, so a text that slips into HTML cannot run;
only our own style sheet may, by its hash, on a first visit (`first_styles`).
"""

from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from wasl.faces.frame import assets

STYLES, YEAR_S = "styles", 365 * 24 * 3600
"""The cookie that says which style sheets a browser has been given."""
_FEATURES_OFF = (
    "accelerometer", "browsing-topics", "display-capture", "gyroscope", "magnetometer", "midi", "payment",
    "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
# A citizen takes a photo, says where he is, speaks to the centre: our own pages may ask, frames of others may not.
_FEATURES_OWN = ("camera", "geolocation", "microphone")
_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Links that carry a secret (answer links) must not travel to other sites.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        [f"{name}=()" for name in _FEATURES_OFF] + [f"{name}=(self)" for name in _FEATURES_OWN]
    ),
}


@lru_cache(maxsize=8)
def _policy(tiles: str, secure: bool, styles: str = "") -> str:
    images = ["'self'", "data:", "blob:"]
    host = urlsplit(tiles.replace("{s}", "*")).netloc if tiles else ""
    if host:
        images.append(f"{urlsplit(tiles).scheme or 'https'}://{host}")
    rules = {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": f"'self' {styles}".strip(),
        "img-src": " ".join(images),
        "media-src": "'self' blob:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    text = "; ".join(f"{name} {value}" for name, value in rules.items())
    return f"{text}; upgrade-insecure-requests" if secure else text


def given(request: HttpRequest) -> list[str]:
    """The style sheets that this browser has been given, those that are still in use."""
    known = assets.manifest().values()
    return [file for file in request.COOKIES.get(STYLES, "").split(":") if file in known]


class SecurityHeaders:
    """Middleware that adds the headers to every answer; a view that has set one of them itself keeps its own.

    `settings.WASL_MAP_TILES` (a tile server's URL template, empty for none) is the one foreign host that pictures may
    come from. Source: requirement P4.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request and add what the answer lacks."""
        response = self.get_response(request)
        headers = response.headers
        for name, value in _FIXED.items():
            if name not in headers:
                headers[name] = value
        if "Content-Security-Policy" not in headers:
            file: str | None = getattr(request, "first_styles", None)
            styles = assets.words(file)[1] if file else ""
            tiles = getattr(settings, "WASL_MAP_TILES", "")
            headers["Content-Security-Policy"] = _policy(tiles, request.is_secure(), styles)
            if file:
                response.set_cookie(
                    STYLES, ":".join([*given(request), file]), max_age=YEAR_S, secure=request.is_secure(),
                    httponly=True, samesite="Lax",
                )  # fmt: skip
        return response
