"""What tests of the desk share: the form of a report, filling in the form of a verb, a photo, hostile words."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from tests.city import POINTS
from tests.faces.test_desk_matrix import jpeg
from wasl.core.cases.models import Case

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'{{ 7|add:7 }}"


def photo(name: str = "after.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, jpeg(), content_type="image/jpeg")


def do(client: Client, case: Case, slug: str, order: int = 0, **given: Any) -> HttpResponse:
    """Fill in the form of a verb as the page gives it, and send it."""
    query = f"?order={order}" if order else ""
    seen = Case.objects.get(pk=case.pk).version
    return client.post(f"/desk/case/{case.number}/do/{slug}/{query}", {"seen": seen, **given})  # type: ignore[return-value]  # the test client's response


FORM = {
    "medium": "phone",
    "phone": "٩٢٣٤٥٦٧٨",
    "name": "Maryam Al Balushi",
    "mail": "",
    "person_kind": "citizen",
    "language": "ar",
    "channel": "phone",
    "body": "The pipe has burst; water runs down the street.",
    "category": "water-leak",
    "kind": "",
    "urgency": "",
    "address": "Way 3312",
    "area": "bawshar",
    "lat": str(POINTS["bawshar"][0]),
    "lon": str(POINTS["bawshar"][1]),
    "key": "k1",
    "do": "send",
}


def filed(client: Client, **more: str) -> Case:
    response = client.post("/desk/report/", {**FORM, **more})
    assert response.status_code == 302, response.content.decode()[:3000]
    return Case.objects.get(number=response.headers["Location"].strip("/").split("/")[-1])
