"""Answers to a category's questions: read by their datatype, refused with a sentence, never guessed."""

import pytest
from django.utils import translation

from wasl.core.catalogue import answers
from wasl.core.catalogue.book import DATATYPES, Question
from wasl.kernel import plain

FORM = tuple(
    Question(
        category="c",
        code=datatype,
        datatype=datatype,
        required=False,
        order=order,
        ask={"en": f"A {datatype}?"},
        hint={},
        values=(("one", {"en": "One"}), ("two", {"en": "Two"})) if datatype.endswith("list") else (),
    )
    for order, datatype in enumerate(DATATYPES)
)


def read(**given: list[str]) -> tuple[dict[str, answers.Answer], dict[str, str]]:
    with translation.override("en"):
        return answers.read(FORM, given)


@pytest.mark.req("B19", "J12")
@pytest.mark.parametrize(
    ("datatype", "typed", "kept"),
    [
        ("string", [" two\n lines "], "two lines"),
        ("text", ["two\r\nlines\x00 "], "two\nlines"),
        ("number", ["٣٫٥"], 3.5),
        ("number", ["۱۲"], 12),
        ("number", ["-1,5".replace(",", ".")], -1.5),
        ("datetime", ["2026-11-21T10:00:00Z"], "2026-11-21T10:00:00+00:00"),
        ("datetime", ["٢٠٢٦-١١-٢١"], "2026-11-21T00:00:00+04:00"),
        ("singlevaluelist", ["one"], ["one"]),
        ("multivaluelist", ["two", "one", "two"], ["two", "one"]),
    ],
)
def test_what_is_typed_is_read_by_its_datatype(datatype: str, typed: list[str], kept: object) -> None:
    answered, problems = read(**{datatype: typed})
    assert problems == {}
    assert answered == {datatype: kept[0] if datatype == "singlevaluelist" and isinstance(kept, list) else kept}


@pytest.mark.parametrize(
    ("datatype", "typed"),
    [
        ("string", ["x" * 501]),
        ("string", ["a", "b"]),
        ("text", ["x" * 4001]),
        ("number", ["many"]),
        ("number", ["nan"]),
        ("number", ["1e308"]),
        ("number", ["1_000"]),
        ("number", ["9" * 5000]),
        ("datetime", ["yesterday"]),
        ("datetime", ["9999-12-31T23:59:59-23:59"]),
        ("singlevaluelist", ["three"]),
        ("multivaluelist", ["one", "three"]),
    ],
)
def test_what_is_none_has_its_sentence(datatype: str, typed: list[str]) -> None:
    answered, problems = read(**{datatype: typed})
    assert answered == {}
    assert problems[datatype].startswith(f"A {datatype}? ")


def test_an_unknown_question_has_its_sentence_and_an_empty_answer_is_none() -> None:
    answered, problems = read(string=["  "], other=["x"])
    assert answered == {}
    assert list(problems) == ["other"]


def test_text_without_what_nobody_sees() -> None:
    assert plain.block(" a\x00b\r\nc\u2028d\ud800\x1b[0m\ufffe ") == "ab\nc\nd[0m"
    assert plain.line("a\r\n\tb\u200b c") == "a b c"
