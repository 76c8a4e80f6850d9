"""A week in the demo city, told in verbs, for pictures of the pages; run inside a hotline by `inside`."""

from __future__ import annotations

import io
import random
from datetime import datetime, timedelta

from PIL import Image, ImageDraw

from tests.city import POINTS, City, Told
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.models import Edition
from wasl.core.contacts import actions as contacts
from wasl.core.organisation.models import Post
from wasl.core.people.actions import Reach
from wasl.kernel import clock

# category, words, language, area, days ago, how far it came, where
REPORTS = (
    (
        "water-leak",
        "تسريب ماء قوي في الشارع أمام بيتي منذ الصباح، والماء يصل إلى باب المدرسة.",
        "ar",
        "bawshar",
        2,
        "told",
        "شارع النخيل، بجوار مدرسة الخوض",
    ),
    (
        "street-light-out",
        "Three street lights in a row are dark on our lane; children walk here in the evening.",
        "en",
        "seeb",
        3,
        "confirmed",
        "Al Mawaleh South, Way 2715",
    ),
    (
        "bins-overflow",
        "لم تُجمع القمامة في حارتنا منذ أربعة أيام والرائحة شديدة.",
        "ar",
        "muttrah",
        1,
        "signed",
        "حارة الشمال، قرب المسجد",
    ),
    (
        "pothole",
        "A deep hole in the right lane just after the roundabout. Two cars have lost a tyre already.",
        "en",
        "bawshar",
        4,
        "replied",
        "Sultan Qaboos Street, after Al Ghubra roundabout",
    ),
    (
        "water-outage",
        "小区从昨晚开始停水,物业说不清楚什么时候恢复。",
        "zh",
        "bawshar",
        1,
        "signed",
        "Al Khuwair 33, Building 12",
    ),
    (
        "water-pressure",
        "ضغط الماء ضعيف جدًا في الطابق الثاني منذ أسبوع.",
        "ar",
        "amrat",
        5,
        "contested",
        "العامرات، المرحلة السابعة",
    ),
    (
        "street-light-out",
        "عمود الإنارة مائل ويكاد يسقط على الرصيف.",
        "ar",
        "qurayyat",
        1,
        "dispatched",
        "قريات، الطريق الساحلي",
    ),
    (
        "water-leak",
        "Water comes up through the paving beside the bus stop.",
        "en",
        "bawshar",
        0,
        "received",
        "Bus stop Al Nakheel",
    ),
    ("pothole", "حفرة كبيرة في منتصف الشارع تسبب ازدحامًا.", "ar", "seeb", 0, "received", "الحيل الشمالية"),
    (
        "bins-overflow",
        "The container behind the market overflows every Friday.",
        "en",
        "muttrah",
        0,
        "registered",
        "Muttrah souq, east gate",
    ),
    ("water-leak", "ماء يجري من غطاء العداد ليل نهار.", "ar", "muscat-wilayat", 3, "returned", "مسقط القديمة"),
    (
        "street-light-out",
        "The light at the pedestrian crossing flickers.",
        "en",
        "bawshar",
        2,
        "signed",
        "Al Azaiba, Street 18",
    ),
)


def stage() -> dict[str, str]:
    """Make the week; gives the numbers and PINs that the pictures need."""
    city = City({"sign_ins": [{"password": ""}]})
    # The city was opened a moment ago; its week lies before that.
    Post.objects.update(since=clock.now() - timedelta(days=30))
    Edition.objects.update(effective_from=clock.now() - timedelta(days=30))
    catalogue.forget()
    chance = random.Random(1111)
    found: dict[str, str] = {}
    for category, words, language, area, days, far, where in REPORTS:
        lat, lon = POINTS[area]
        place = (lat + chance.uniform(-0.004, 0.004), lon + chance.uniform(-0.004, 0.004))
        began = clock.now() - timedelta(days=days, hours=chance.uniform(1, 5))
        name = {"ar": "مريم الحارثية", "en": "Salim Al Balushi", "zh": "王芳"}[language]
        with clock.held(began):
            told = city.report(
                category,
                body=words,
                place=place,
                address=where,
                attachments=[contacts.keep(_photo(chance), "before.jpg")],
                reach=Reach(name=name, mail=f"{area}.{days}@example.com", channel="mail", language=language),
            )
        _take_on(told, far, began, DONE[language])
        found.setdefault(far, told.case.number)
        found.setdefault(f"{far} pin", told.pin)
    return found


# What the unit did, in the words of the one who asked.
DONE = {
    "ar": "استبدلنا القطعة المكسورة واختبرناها مرتين ونظّفنا المكان.",
    "en": "We replaced the broken part, tested it twice and cleaned the place.",
    "zh": "我们更换了损坏的部件，测试了两次，并清理了现场。",
}
STEPS = ("registered", "dispatched", "signed", "replied", "told", "confirmed")


def _take_on(told: Told, far: str, began: datetime, done: str) -> None:
    def later(hours: float) -> datetime:
        return min(clock.now(), began + timedelta(hours=hours))

    goal = {"received": -1, "returned": 1, "contested": 4}.get(far, STEPS.index(far) if far in STEPS else 0)
    for number, step in enumerate(STEPS[: goal + 1]):
        with clock.held(later(2 * number + 0.5)):
            if step == "registered":
                told.registered()
            elif step == "dispatched":
                told.dispatched_to("" if far != "returned" else "roads")
            elif step == "signed":
                told.signed()
            elif step == "replied":
                told.replied(text=done)
            elif step == "told":
                told.told()
            else:
                told.confirmed()
    if far == "returned":
        with clock.held(later(3)):
            told.returned()
    if far == "contested":
        with clock.held(later(16)):
            told.contested()


def _photo(chance: random.Random) -> bytes:
    """A plain street with a puddle; drawn, so that no picture of a place or person is needed."""
    picture = Image.new("RGB", (960, 720), (196, 214, 226))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 300, 960, 720), fill=(128, 124, 118))
    draw.polygon([(380, 300), (580, 300), (900, 720), (60, 720)], fill=(88, 88, 92))
    for y in range(320, 720, 70):
        draw.rectangle((470, y, 490, y + 34), fill=(230, 226, 210))
    for x in (40, 150, 690, 820):
        height = chance.randint(110, 220)
        draw.rectangle((x, 300 - height, x + 90, 300), fill=(214, 196, 168))
        draw.rectangle((x + 30, 300 - height + 30, x + 55, 300 - height + 60), fill=(120, 140, 160))
    draw.ellipse((300, 480, 720, 640), fill=(86, 132, 170))
    draw.ellipse((380, 520, 560, 590), fill=(122, 164, 196))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
