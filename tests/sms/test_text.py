"""What texts cost and how they are cut: nothing lost, nothing torn, exactly what telephones put together again."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasl.kernel.sms import alphabets, text, udh
from wasl.kernel.sms.alphabets import Language
from wasl.kernel.sms.text import Alphabet, Coding, LongWay, TextRules

ARABIC = "السلام عليكم ورحمة الله وبركاته. "
EMOJI = "\U0001f600"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"

ALL_RULES = [
    TextRules(default, way, languages)
    for default in Alphabet
    for way in LongWay
    for languages in ((), tuple(Language)[1:])
]
_words = st.text(
    st.sampled_from("aZ0 @€[]{}\\^~|`ç\n") | st.characters(exclude_categories=["Cs"]) | st.sampled_from(list(ARABIC)),
    max_size=500,
)


def received(segments: list[text.Segment], rules: TextRules) -> str:
    """The text as a telephone puts it together."""
    octets, header, coding = b"", udh.NO_HEADER, 0
    for segment in segments:
        part = segment.short_message
        if segment.esm_class & 0x40:
            header, part = udh.split(part)
        octets += part + (dict(segment.tlvs).get(0x0424) or b"")
        coding = segment.data_coding
    found = text.decode(octets, coding, rules.default_alphabet, header)
    assert found is not None
    return found


@pytest.mark.req("I7")
@pytest.mark.parametrize(
    ("words", "coding", "sizes"),
    [
        pytest.param("[€] {~} \\ ^|", Coding.DEFAULT, [12], id="extension table"),
        pytest.param("x" * 161, Coding.DEFAULT, [153, 8], id="161 characters"),
        pytest.param(ARABIC * 3, Coding.UCS_2, [67, 32], id="Arabic in two parts"),
        pytest.param("您好世界" * 20, Coding.UCS_2, [67, 13], id="Chinese in two parts"),
        pytest.param("run `date` now", Coding.UCS_2, [14], id="a backtick is in no GSM table"),
        pytest.param("ا" * 66 + EMOJI + "ا" * 10, Coding.UCS_2, [66, 11], id="an emoji at the border"),
        pytest.param("Your bill, سيدي, is ready", Coding.UCS_2, [25], id="one Arabic word"),
        pytest.param("x" * 152 + "€" + "x" * 20, Coding.DEFAULT, [152, 21], id="a euro sign at the border"),
    ],
)
def test_what_gateways_get_wrong(words: str, coding: Coding, sizes: list[int]) -> None:
    plan = text.plan(words)
    assert plan.coding is coding
    assert [len(part) for part in plan.parts] == sizes
    assert received(text.segments(plan, 7), plan.rules) == words


@settings(deadline=None)
@given(_words, st.sampled_from(ALL_RULES), st.integers(0, 0xFFFFFFFF))
@pytest.mark.slow
def test_any_text_arrives_whole_and_fits(words: str, rules: TextRules, reference: int) -> None:
    plan = text.plan(words, rules)
    segments = text.segments(plan, reference)
    assert "".join(plan.parts) == words
    assert received(segments, rules) == words
    assert 0 <= plan.left <= plan.room
    for segment in segments:
        if segment.parts == 1:
            assert len(segment.short_message) <= (140 if plan.coding is Coding.UCS_2 else 160)
    assert sum(segment.parts for segment in segments) == len(plan.parts)


@settings(deadline=None)
@given(_words, st.sampled_from(ALL_RULES))
def test_no_part_can_be_left_out(words: str, rules: TextRules) -> None:
    plan = text.plan(words, rules)
    # Each part but the last has no room for what the next begins with.
    for part, following in zip(plan.parts, plan.parts[1:], strict=False):
        first = next(text.clusters(following))
        cost = text.plan(part + first, rules)
        assert len(cost.parts) > 1 or cost.units > plan.room


@pytest.mark.parametrize("piece", [FAMILY, "e\u0301\u0323", "🇴🇲", "👍🏽", "कि", "م\u064f\u0651"])
def test_what_reads_as_one_is_not_cut(piece: str) -> None:
    for before in range(60, 68):
        plan = text.plan("ا" * before + piece + "ا" * 40)
        assert any(piece in part for part in plan.parts)


def test_what_reads_as_one_but_fits_nowhere_is_cut_between_code_points() -> None:
    words = "a" + "\u0301" * 29 + ("\u200d" + EMOJI) * 40
    plan = text.plan(words)
    assert "".join(plan.parts) == words
    for part in plan.parts:
        part.encode("utf-16-be")


@pytest.mark.parametrize("way", LongWay)
def test_the_ways_of_long_texts(way: LongWay) -> None:
    plan = text.plan("x" * 300, TextRules(way=way))
    segments = text.segments(plan, 0x1234)
    match way:
        case LongWay.UDH_8:
            assert [one.short_message[:6] for one in segments] == [b"\5\0\3\x34\2\1", b"\5\0\3\x34\2\2"]
            assert {one.esm_class for one in segments} == {0x40}
            assert [len(part) for part in plan.parts] == [153, 147]
        case LongWay.UDH_16:
            assert [one.short_message[:7] for one in segments] == [b"\6\x08\4\x12\x34\2\1", b"\6\x08\4\x12\x34\2\2"]
            assert [len(part) for part in plan.parts] == [152, 148]
        case LongWay.SAR:
            assert [one.tlvs for one in segments] == [
                ((0x020C, b"\x12\x34"), (0x020E, b"\2"), (0x020F, bytes((number,)))) for number in (1, 2)
            ]
            assert {one.esm_class for one in segments} == {0}
            assert [len(one.short_message) for one in segments] == [153, 147]
        case LongWay.PAYLOAD:
            assert len(segments) == 1
            assert segments[0].parts == 2
            assert segments[0].tlvs == ((0x0424, b"x" * 300),)


def test_turkish_goes_in_one_part_where_the_operator_has_its_table() -> None:
    words = "Şikayetiniz alındı. " * 5
    assert text.plan(words).coding is Coding.UCS_2
    plan = text.plan(words, TextRules(languages=(Language.TURKISH,)))
    assert (plan.coding, len(plan.parts)) == (Coding.DEFAULT, 1)
    assert received(text.segments(plan), plan.rules) == words


def test_urdu_holds_twice_as_much_with_its_table() -> None:
    words = "آپ کی شکایت درج کر لی ہے۔ " * 5
    assert len(text.plan(words).parts) == 2
    plan = text.plan(words, TextRules(languages=(Language.URDU,)))
    assert len(plan.parts) == 1
    assert received(text.segments(plan), plan.rules) == words


def test_the_operator_s_own_default_alphabet_is_written_in_his_octets() -> None:
    latin = text.segments(text.plan("@_$ é", TextRules(default_alphabet=Alphabet.LATIN_1)))
    assert latin[0].short_message == "@_$ é".encode("latin-1")
    assert text.segments(text.plan("@_$"))[0].short_message == b"\x00\x11\x02"
    # A euro sign is not in Latin-1, a cedilla not on telephones.
    for words in ("5 €", "ça"):
        assert text.plan(words, TextRules(default_alphabet=Alphabet.LATIN_1)).coding is Coding.UCS_2


def test_a_text_of_more_than_255_parts_is_refused() -> None:
    assert len(text.plan("x" * 153 * 255).parts) == 255
    with pytest.raises(text.TooLong):
        text.plan("x" * (153 * 255 + 1))
    with pytest.raises(text.TooLong):
        text.plan("م" * 10_000_000)


def test_a_lone_surrogate_does_not_stop_a_text() -> None:
    assert text.plan("a\ud83d").parts == ("a\ufffd",)


@pytest.mark.parametrize("language", Language)
def test_every_septet_is_written_as_it_is_read(language: Language) -> None:
    locking = language if language in alphabets.LOCKING else Language.DEFAULT
    assert len(alphabets.LOCKING[locking]) == 128
    for place in set(range(128)) - {alphabets.ESCAPE}:
        character = alphabets.decode(bytes((place,)), locking, language)
        written = alphabets.encode(character, locking, language)
        assert written is not None
        assert alphabets.decode(written, locking, language) == character
    for place, character in alphabets.SINGLE[language].items():
        assert alphabets.decode(bytes((alphabets.ESCAPE, place)), locking, language) == character


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 255), st.sampled_from(Alphabet), st.booleans())
def test_any_octets_are_read(octets: bytes, coding: int, default: Alphabet, headed: bool) -> None:
    header, rest = udh.split(octets) if headed else (udh.NO_HEADER, octets)
    found = text.decode(rest, coding, default, header)
    assert found is None or isinstance(found, str)


@settings(deadline=None)
@given(
    st.builds(
        udh.Header,
        reference=st.integers(0, 255),
        total=st.just(9),
        number=st.integers(1, 9),
        wide=st.booleans(),
        ports=st.none() | st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
        locking=st.sampled_from(sorted(alphabets.LOCKING)),
        single=st.sampled_from(sorted(alphabets.SINGLE)),
        others=st.lists(st.tuples(st.integers(0x70, 0x9F), st.binary(max_size=10)), max_size=3).map(tuple),
    )
)
def test_headers_come_back_as_they_were(header: udh.Header) -> None:
    assert udh.split(header.encode() + b"text") == (header, b"text")


@pytest.mark.parametrize(
    ("payload", "rest"),
    [
        (b"", b""),
        (b"\xff", b"\xff"),
        (b"\x05\x00\x03\x01", b"\x05\x00\x03\x01"),
        (b"\x05\x00\x03\x07\x02\x03hi", b"hi"),
        (b"\x05\x00\x09\x07\x02\x01hi", b"hi"),
        (b"\x00hi", b"hi"),
    ],
)
def test_a_broken_header_says_nothing(payload: bytes, rest: bytes) -> None:
    assert udh.split(payload) == (udh.NO_HEADER, rest)


def test_what_could_be_written_plainly_is_offered_and_not_done() -> None:
    offered = text.plain("“Don’t” – naïve, Žižek…")
    assert offered is not None
    assert offered.text == '"Don\'t" - naive, Zizek...'
    assert ("“", '"') in offered.changes
    assert len(text.plan(offered.text).parts) == 1
    assert text.plain("plain") is None
    assert text.plain("سلام") is None
    assert text.plain(f"ok {EMOJI}") is None


@settings(deadline=None)
@given(_words)
def test_what_is_offered_fits_the_default_alphabet(words: str) -> None:
    offered = text.plain(words)
    if offered:
        assert alphabets.encode(offered.text) is not None
        assert unicodedata.normalize("NFC", words) != offered.text


def test_references_count_for_each_pair_and_are_bounded() -> None:
    references = text.References(limit=2)
    first = references.next("1111", "968")
    references.next("1111", "971")
    assert references.next("1111", "968") == (first + 1) & 0xFFFF
    for number in range(100):
        references.next("1111", str(number))
    assert len(references._last) == 2


@pytest.mark.parametrize(
    ("words", "encoding", "units", "parts"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        # 153 is odd: the two septets of the 77th sign move to the next part whole.
        ("€" * 81, "GSM-7", 162, 2),
        ("€" * 153, "GSM-7", 306, 3),
        ("م" * 70, "UCS-2", 70, 1),
        ("م" * 71, "UCS-2", 71, 2),
        ("水" * 134, "UCS-2", 134, 2),
        ("水" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        # 67 is odd: no pair is cut, so 33 to a part.
        ("😀" * 67, "UCS-2", 134, 3),
    ],
)
def test_parts_of_an_sms(words: str, encoding: str, units: int, parts: int) -> None:
    made = text.plan(words)
    assert (made.encoding, made.units, len(made.parts)) == (encoding, units, parts)


def test_no_telephone_is_sent_isolates() -> None:
    assert text.for_telephones("البلاغ \u206626 000258 31\u2069: تم") == "البلاغ \u200e26 000258 31: تم"
    assert text.for_telephones("Request \u206626 000258 31\u2069 is closed\0") == "Request 26 000258 31 is closed"
    assert text.for_telephones("事项 \u206826 000258 31\u2069") == "事项 26 000258 31"
    assert text.plan(text.for_telephones("Request \u206626 000258 31\u2069")).encoding == "GSM-7"


_short_words = st.text(
    st.sampled_from("aZ0 @€[]_$`\n?'-/;:=")
    | st.characters(min_codepoint=0x20, max_codepoint=0x6FF)
    | st.sampled_from(list(ARABIC)),
    max_size=170,
) | st.text(st.sampled_from("abc XYZ019.,"), max_size=170)


@given(_short_words, st.sampled_from(ALL_RULES))
@settings(max_examples=2000)
def test_the_short_way_writes_what_the_long_way_writes(words: str, rules: TextRules) -> None:
    at_once = text.short(words, rules)
    assert at_once is None or [at_once] == text.segments(text.plan(words, rules))


def test_the_short_way_is_taken_by_what_is_usual() -> None:
    for words in ("Your case 2611220017 is with Water. Answer due 25 November.", ARABIC, "a" * 160, "ب" * 70):
        assert text.short(words) is not None
    for words in ("", "a" * 161, "ب" * 71, "[a]", "price: 5 €", EMOJI):
        assert text.short(words) is None


def test_what_is_said_to_stand_alone_does() -> None:
    apart = [chr(code) for code in range(0x110000) if text._APART.fullmatch(chr(code))]
    assert len(apart) > 20_000
    for character in apart:
        assert len(list(text.clusters(f"a{character}"))) == 2
