"""Real calls that are told an article: as it is in force when the call begins, and a person at the same step."""

import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import ALIKE, Carrier
from tests.real.voice.inside import Inside
from tests.real.voice.people import in_menu, spoken
from wasl.channels.voice.speech import Speech

pytestmark = pytest.mark.timeout(400)


@pytest.mark.req("A4", "C6", "C12", "C13", "C14", "M3")
def test_an_article_is_heard_and_after_an_edit_by_the_next_call(house: Hotline, line: Carrier, desk: Inside) -> None:
    speech = Speech(house.data / "voice/speech")
    mark, words = desk.article(code="scope", words="The hotline takes whatever the first edition says.")
    first = in_menu(house, line)
    first.key("3")
    first.told(spoken(house, "topics", "en"), whole=True)
    # Published in the middle of the first call.
    newer, other = desk.article(code="scope", words="And this is another edition, which was written later.")
    assert (newer, other) != (mark, words)
    first.key("2")
    first.told(speech.place("en", words), whole=True)
    line.hang_up(first.name)
    first.end(20)
    assert first.has(speech.place("en", words)) > ALIKE, "the live call keeps what it began with"
    assert first.has(speech.place("en", other)) < ALIKE
    until(lambda: desk.call()["ended"], seconds=15, what="the end in the books")
    second = in_menu(house, line)
    second.key("3")
    second.told(spoken(house, "topics", "en"))
    second.key("2")
    second.told(speech.place("en", other), whole=True)
    # After the article its menu comes again, and a person is one key away there.
    second.key("0")
    until(lambda: desk.call()["waits"], seconds=30, what="he waits for a person")
    assert desk.call()["keyed"]["scope"] == newer, "the agent sees what he was told"
    line.hang_up(second.name)
    second.end(20)
    assert second.has(speech.place("en", other)) > ALIKE
    assert (desk.article_uses(mark=mark), desk.article_uses(mark=newer)) == (1, 1)
