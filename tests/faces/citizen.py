"""What a citizen does on the portal without a script, for the tests of its pages."""

import re
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from tests.city import POINTS
from wasl.core.cases.models import Case
from wasl.faces.portal.models import Draft
from wasl.kernel import acceptance, seal

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'"


def photo(colour: str = "red") -> SimpleUploadedFile:
    out = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "SECRET-EXIF"
    Image.new("RGB", (64, 48), colour).save(out, "JPEG", exif=exif)
    return SimpleUploadedFile("صورة.jpg", out.getvalue(), content_type="image/jpeg")


def post(browser: Client, url: str, data: dict[str, Any] | None = None, **more: Any) -> Any:
    """Send a form and go where it leads."""
    return browser.post(url, data or {}, follow=True, **more)


def wrong(page: Any) -> list[str]:
    """The fields that have a sentence at them, once each, in order."""
    return re.findall(r'id="id_(\w+)_error"', page.content.decode())


def begun(browser: Client, text: str = "تسريب ماء قوي في الشارع أمام بيتي", start: str = "portal:begin") -> str:
    """The token of a new draft."""
    page = post(browser, reverse(start), {"text": text})
    assert page.resolver_match.view_name == "portal:what"
    return str(page.resolver_match.kwargs["token"])


def filled(browser: Client, *, until: str = "check", category: str = "water-leak", **more: Any) -> str:
    """A draft filled in up to the page `until`."""
    token = begun(browser, more.pop("text", "تسريب ماء قوي في الشارع أمام بيتي"))
    lat, lon = POINTS["bawshar"]
    pages = {
        "what": {"category": category, "text": "تسريب ماء قوي في الشارع أمام بيتي"},
        "danger": {},
        "where": {"address": "الخوير، شارع ٣٣", "lat": str(lat), "lon": str(lon)},
        "details": {
            "text": "الماء يجري منذ الصباح",
            "q-water-leak-amount": "burst",
            "q-conduct-unit-concerned": "البلدية",
        },
        "you": {
            "how": "named",
            "name": "مريم",
            "mail": "maryam@example.com",
            "phone": "٩٢٣٤٥٦٧٨",
            "channel": "mail",
            "language": "ar",
        },
        "check": {},
    }
    for name, data in pages.items():
        if name == until:
            break
        if name == "danger":
            continue
        page = post(browser, reverse(f"portal:{name}", args=[token]), {**data, **more.get(name, {})})
        assert page.status_code == 200, (name, page.content.decode())
        assert page.resolver_match.view_name != f"portal:{name}", page.content.decode()
    return token


def sent(browser: Client, **more: Any) -> Case:
    """A case that went the whole way through the pages."""
    token = filled(browser, **more)
    page = post(browser, reverse("portal:check", args=[token]))
    assert page.resolver_match.view_name == "portal:receipt"
    case = Draft.objects.get(token=token).case
    assert case is not None
    return case


def pin(case: Case) -> str:
    return seal.pin_of(case.number, case.pin_generation)


def other(language: str = "en") -> Client:
    """Somebody else's browser."""
    made = Client()
    made.cookies["django_language"] = language
    return made


def unlocked(case: Case, client: Client | None = None) -> Client:
    """A browser that entered number and PIN."""
    found = client or other()
    page = post(found, reverse("portal:track"), {"number": acceptance.grouped(case.number), "pin": pin(case)})
    assert page.resolver_match.view_name == "portal:case"
    return found
