"""A number confirmed while its owner speaks with an agent: the code comes to his telephone over real SMPP."""

import re

import httpx
import pytest

from tests.city import POINTS
from tests.real.browser import Visit
from tests.real.hotline import Hotline
from tests.real.phone import Telephone
from tests.real.test_agent_browser import PATIENCE_MS, agent_of, sign_in

pytestmark = pytest.mark.timeout(600)
NUMBER = "96892110077"


@pytest.mark.req("Q2")
def test_an_agent_confirms_the_number_of_who_is_calling(house: Hotline, visit: Visit) -> None:
    lat, lon = POINTS["bawshar"]
    report = {"service_code": "water-leak", "lat": lat, "long": lon, "description": "Water", "phone": f"+{NUMBER}"}
    key = {"X-API-Key": house.demo["open311"]["key"]}
    url = f"{house.url}/open311/v2/requests.json"
    assert httpx.post(url, data=report, headers=key, timeout=60, trust_env=False).status_code == 201
    telephone = Telephone(house, NUMBER)
    # A question that was overtaken by the next is told on the console.
    with visit(house.url, expect_errors=True) as page:
        page.set_default_timeout(PATIENCE_MS)
        sign_in(page, house, agent_of(house))
        page.goto("/desk/report/")
        page.fill("[name=phone]", f"+{NUMBER}")
        page.keyboard.press("Tab")
        part = page.locator(".d-number")
        part.get_by_text("Nobody has confirmed yet").wait_for()
        part.get_by_role("button", name="Send a code to it").click()
        part.get_by_label("The code, six digits").wait_for()
        # What he says meanwhile is written down, and the field stays.
        page.fill("[name=body]", "And the lamp before the house is dark.")
        found = None
        while found is None:
            # The receipt of his report may come first.
            found = re.search(r"code: ([0-9]{6})\b|رمزكم: ([0-9]{6})\b", telephone.next(60))
        page.wait_for_timeout(1500)
        part.get_by_label("The code, six digits").fill(found[1] or found[2])
        part.get_by_role("button", name="Confirm").click()
        part.get_by_text("Confirmed").wait_for()
        assert page.input_value("[name=body]") == "And the lamp before the house is dark."
