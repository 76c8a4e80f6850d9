"""Reading texts: which command, in whatever writing, and what follows it."""

import pytest

from wasl.services.dialogue import commands
from wasl.services.dialogue.commands import Keyword, Keywords

KNOWN = Keywords(
    [
        Keyword("VE", "", 1),
        Keyword("مخالفات", "ar", 1),
        Keyword("fines", "en", 1),
        Keyword("罚款", "zh", 1),
        Keyword("VEX", "", 2),
        Keyword("stop", "en", 3),
        Keyword("stop all", "en", 4),
        Keyword("إيقاف", "ar", 3),
        Keyword("إلغاء الاشتراك", "ar", 3),
        Keyword("1", "", 5),
        Keyword("12", "", 6),
        Keyword("تم", "ar", 5),
        Keyword("شكوى", "ar", 7),
        Keyword("complaint", "en", 7),
        Keyword("投诉", "zh", 7),
    ]
)


@pytest.mark.req("J2", "J12")
@pytest.mark.parametrize(
    ("words", "pk", "rest"),
    [
        ("VE 12345 BA", 1, "12345 BA"),
        ("ve12345ba", 1, "12345ba"),
        ("VE12345 BA", 1, "12345 BA"),
        ("Ve:12345BA", 1, "12345BA"),
        ("VE-12345-BA", 1, "12345-BA"),
        ("VE, 12345 BA.", 1, "12345 BA"),
        ("  ve \t 12345\r\nba  ", 1, "12345 ba"),
        ('"VE 12345 BA"', 1, "12345 BA"),
        ("«VE ١٢٣٤٥ ب أ»", 1, "١٢٣٤٥ ب أ"),
        ("\u200fVE\u200e 12345 BA\u200b", 1, "12345 BA"),
        ("\ufeffVE\u00a012345\u00a0BA", 1, "12345 BA"),
        ("\u202eVE 12345 BA\u202c", 1, "12345 BA"),
        ("V\u200bE 12345 BA", 1, "12345 BA"),
        ("ＶＥ １２３４５ ＢＡ", 1, "１２３４５ ＢＡ"),
        ("🚗 VE 12345 BA 🚗", 1, "12345 BA"),
        ("...VE 12345 BA!!!", 1, "12345 BA"),
        ("VE", 1, ""),
        ("مخالفات ١٢٣٤٥ ب أ", 1, "١٢٣٤٥ ب أ"),
        ("المخالفات 12345 BA", 1, "12345 BA"),
        ("مُخَالَفَات 12345 BA", 1, "12345 BA"),
        ("مخالفـــات12345BA", 1, "12345BA"),
        ("مخالفات: 12345", 1, "12345"),
        ("Fines 12345 BA", 1, "12345 BA"),
        ("罚款12345BA", 1, "12345BA"),
        ("罚款：12345 BA", 1, "12345 BA"),
        ("VEX 1", 2, "1"),
        ("vex", 2, ""),
        ("STOP", 3, ""),
        ("Stop.", 3, ""),
        ("stop all", 4, ""),
        ("STOP  ALL!", 4, ""),
        ("ايقاف", 3, ""),
        ("أيقاف", 3, ""),
        ("الغاء الإشتراك", 3, ""),
        ("1", 5, ""),
        ("١", 5, ""),
        ("1.", 5, ""),
        ("(1)", 5, ""),
        ("۱", 5, ""),
        ("12", 6, ""),
        ("تمّ", 5, ""),
        ("شكوي الشارع مظلم", 7, "الشارع مظلم"),
        ("投诉路灯坏了", 7, "路灯坏了"),
    ],
)
def test_commands_are_found(words: str, pk: int, rest: str) -> None:
    read = KNOWN.read(commands.clean(words))
    assert read.keyword is not None
    assert (read.keyword.pk, read.rest) == (pk, rest)


@pytest.mark.parametrize(
    "words",
    ["", "   ", "?!", "VEHICLE 12345", "finest hour", "13", "123", "stopping", "تمر وحليب", "hello VE 1", "\x00", "🙂"],
)
def test_what_only_looks_like_a_command_is_none(words: str) -> None:
    assert KNOWN.read(commands.clean(words)).keyword is None


def test_nothing_hostile_gets_through_and_all_is_bounded() -> None:
    assert commands.clean("VE\x00 1\u202e2\u2066") == "VE 12"
    assert len(commands.clean("ا" * 10_000)) <= commands.LONGEST
    assert len(KNOWN.read(commands.clean("VE " + "١ " * 10_000)).rest) <= commands.LONGEST
    assert commands.clean("\ud800VE 1") == "VE 1"


@pytest.mark.parametrize(
    ("words", "language"),
    [("12345 BA", ""), ("the light is out", "en"), ("الإنارة", "ar"), ("路灯", "zh"), ("ok", ""), ("बिजली", "")],
)
def test_letters_show_the_language(words: str, language: str) -> None:
    assert commands.script_of(KNOWN.read(commands.clean(words)).folded) == language


@pytest.mark.parametrize("words", ["yes", "YES!", "نعم", "أيوه", "是", "ok"])
def test_yes(words: str) -> None:
    assert commands.is_yes(commands.clean(words))
    assert not commands.is_no(commands.clean(words))


@pytest.mark.parametrize(
    ("words", "number"), [("1", 1), ("٢", 2), (" 3 ", 3), ("0", None), ("4", None), ("x", None), ("²", None)]
)
def test_choices(words: str, number: int | None) -> None:
    assert commands.number_in(commands.clean(words), 3) == number
