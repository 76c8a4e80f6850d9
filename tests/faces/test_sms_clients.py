"""The systems that use the gateway, at the desk: letting one in, secrets shown once, rights, and what may not be."""

import re

import pytest
from django.test import Client as Browser
from django.urls import reverse

from tests.city import City
from wasl.core.organisation.models import Audit
from wasl.services.exchange import actions, queries
from wasl.services.exchange.models import Key, Login, Webhook
from wasl.services.texts.models import Client

pytestmark = pytest.mark.django_db

FACTS = {"code": "evisa", "name": "eVisa", "audience": "g2c", "sender": "eVisa", "best": "3", "on": "on"}


def _administrator(city: City) -> Browser:
    browser = Browser()
    browser.force_login(city.administrator)
    return browser


def _made(browser: Browser) -> Client:
    answer = browser.post(reverse("desk:sms_new_client"), {"do": "save", **FACTS})
    assert answer.status_code == 302
    return Client.objects.get(code="evisa")


@pytest.mark.req("J5", "P8")
def test_a_system_is_let_in_with_a_key_that_is_shown_once(city: City) -> None:
    browser = _administrator(city)
    client = _made(browser)
    page = reverse("desk:sms_client", args=[client.pk])
    answer = browser.post(page, {"do": "key", "key-name": "eVisa server", "key-scopes": ["send", "status"]})
    (secret,) = re.findall(r"wasl_[\w-]{40,}", answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    assert queries.known_keys()[queries.digest_of(secret)].client == client
    assert secret not in browser.get(page).content.decode()
    assert not any(secret in f"{row.before}{row.after}" for row in Audit.objects.all())
    kept = Key.objects.get()
    assert bytes(kept.key_digest) == queries.digest_of(secret)
    # Two at most; after one is revoked there is room again.
    browser.post(page, {"do": "key", "key-name": "new", "key-scopes": ["send"]})
    answer = browser.post(page, {"do": "key", "key-name": "third", "key-scopes": ["send"]})
    assert answer.status_code == 422
    browser.post(page, {"do": f"revoke:{kept.pk}"})
    assert queries.digest_of(secret) not in queries.known_keys()
    assert browser.post(page, {"do": "key", "key-name": "third", "key-scopes": ["send"]}).status_code == 200


@pytest.mark.req("J5")
@pytest.mark.slow
def test_logins_and_addresses_are_made_and_switched(city: City) -> None:
    browser = _administrator(city)
    client = _made(browser)
    page = reverse("desk:sms_client", args=[client.pk])
    answer = browser.post(page, {"do": "login", "login-system_id": "evisa"})
    (password,) = re.findall(r'd-key" dir="ltr">(\w{8})<', answer.content.decode())
    assert actions.login_of("evisa", password) == Login.objects.get()
    assert actions.login_of("evisa", password.swapcase()) is None
    assert actions.login_of("nobody", password) is None
    answer = browser.post(page, {"do": "webhook", "webhook-url": "https://evisa.example/sms"})
    assert "whsec_" in answer.content.decode()
    hook = Webhook.objects.get()
    assert "whsec_" not in browser.get(page).content.decode()
    assert Client.objects.get(pk=client.pk).told
    for do, made in ((f"shut:{Login.objects.get().pk}", Login), (f"quiet:{hook.pk}", Webhook)):
        browser.post(page, {"do": do})
        assert not made.objects.get().on
    assert actions.login_of("evisa", password) is None
    for url in (
        "ftp://x.example/",
        "https://user:pass@x.example/",
        "https://",
        "https://x.example/ä",
        "javascript:alert(1)",
    ):
        answer = browser.post(page, {"do": "webhook", "webhook-url": url})
        assert answer.status_code == 422, url
    # A button of another system's row does nothing here.
    other = Client.objects.create(code="other", name="Other", sender="1111")
    elsewhere = reverse("desk:sms_client", args=[other.pk])
    assert browser.post(elsewhere, {"do": f"call:{hook.pk}"}).status_code == 404
    assert not Webhook.objects.get().on


@pytest.mark.req("J5")
def test_what_cannot_be_a_system_is_said(city: City) -> None:
    browser = _administrator(city)
    _made(browser)
    new = reverse("desk:sms_new_client")
    for change in (
        {"sender": "a name that is too long"},
        {"sender": "x\r\ny"},
        {"code": "evisa"},
        {"code": "wasl"},
        {"code": "unit-roads"},
        {"code": "emergency-roads"},
        {"code": "staffid-7"},
        {"codes": "nonsense"},
        {"best": "0"},
    ):
        answer = browser.post(new, {"do": "save", **FACTS, "code": "b", **change})
        assert answer.status_code == 422, change
    assert Client.objects.exclude(code="wasl").count() == 1
