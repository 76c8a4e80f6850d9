"""Finding cases: by the words of people, by number, by who asked. Rights are those of `queries.visible_to` and
`identity.read`; what a screen makes of it is not here.

Each contact and remark has a `SearchText`, written in the same statement. A search reads the newest `CANDIDATES` texts
that match and ranks those; a word that stands in every tenth case would else be ranked for seconds. Texts are walked
from the newest on while they match often, and looked up in the index of words where they do not: PostgreSQL cannot
know which, for it takes words that go together to be strangers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection, models, transaction
from django.db.models import BooleanField, F, FloatField, Func, QuerySet, Value

from wasl.core.cases import queries
from wasl.core.cases.models import Case, KnownWord, Remark, SearchText
from wasl.core.contacts.models import Contact
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.core.people import queries as people
from wasl.kernel import terms

CANDIDATES = 500
# So many of the newest texts are walked first; and so many in all where that promises so many hits.
WALKED, WALKED_MOST, WORTH_WALKING = 4_000, 60_000, 50
# One name may be that of ten thousand: of so many people, the latest, requests are given.
MOST_PEOPLE = 500
# Of each word that is not found, so many like it are tried.
ALIKE = 8
# Words are learned from so many of the latest texts; rarer ones and more than that are not kept.
LEARNED_FROM, LEARNED_TIMES, LEARNED_MOST = 50_000, 2, 20_000
_SHORTEST_LEARNED = 4


def texts_of(case: Case, rows: Iterable[models.Model]) -> list[SearchText]:
    """What search keeps of the contacts and remarks among `rows`, which are about to be written.

    The place and the typed answers belong to the report that the case began with.
    """
    made = []
    for row in rows:
        if not isinstance(row, Contact | Remark) or not row.body:
            continue
        more = _beside(case) if isinstance(row, Contact) and row.at == case.received_at else ()
        made.append(SearchText(id=row.pk, case=case, words=terms.vector(row.body, *more)))
    return made


def _beside(case: Case) -> tuple[str, ...]:
    return (case.address, *(value for value in case.answers.values() if isinstance(value, str)))


def forget(rows: Iterable[int]) -> None:
    """The contacts and remarks of these ids are no longer found by their words."""
    SearchText.objects.filter(pk__in=rows).delete()


@dataclass(frozen=True)
class Found:
    """Cases found by words, the best first; `texts` is the contact or remark by which each was found.

    `sought`: what was looked for; empty when the words typed stand in every text. `alike`: other words that were taken
    for those typed, because nothing has those. `more`: there are older ones that were not ranked.
    """

    cases: Sequence[int] = ()
    texts: Mapping[int, int] = field(default_factory=dict)
    sought: Sequence[terms.Sought] = ()
    alike: frozenset[str] = frozenset()
    loosely: bool = False
    more: bool = False

    def excerpt(self, text: str) -> list[tuple[str, bool]]:
        """A piece of a text around the words that were looked for, in parts: (words, whether they were)."""
        return terms.excerpt(text, self.sought, self.alike)


def by_words(text: str, among: QuerySet[Case]) -> Found:
    """Cases `among` those given (`queries.visible_to`, narrowed) in which all the words of `text` stand.

    First those that have them in one contact or remark; if there is none, those that have them in several; if there
    is none, the same with words alike: with one slip, a longer word, parts of a Chinese run.
    """
    sought = terms.seek(text)
    if not sought:
        return Found()
    exact = [terms.query(one) for one in sought]
    found, more = _hits(among, [" & ".join(exact)])
    if not found and len(exact) > 1:
        found, more = _hits(among, exact)
    if found:
        return _ranked(found, sought, more=more)
    alike = _alike(sought)
    loose = [terms.query(one, alike.get(one, ()), loosely=True) for one in sought]
    found, more = _hits(among, [" & ".join(loose)])
    words = frozenset(word for words in alike.values() for word in words)
    return _ranked(found, sought, words, loosely=bool(found), more=more)


Hit = tuple[int, int, float]


def _matches(query: str, *, walked: bool = False) -> Func:
    template = "(%(expressions)s::tsquery) IS TRUE" if walked else "%(expressions)s::tsquery"
    return Func(F("words"), Value(query), template=template, arg_joiner=" @@ ", output_field=BooleanField())


def _hits(among: QuerySet[Case], wanted: Sequence[str]) -> tuple[list[Hit], bool]:
    """(text, case, rank) of the newest texts that match the first query in cases of which some text matches each.

    And whether older ones were not looked at.
    """
    first, *others = wanted
    cases = among.order_by().values("pk")
    texts = SearchText.objects.all()
    for other in others:
        texts = texts.filter(case__in=SearchText.objects.filter(_matches(other)).values("case"))
    either = " | ".join(wanted)
    # Longer texts have more of everything: 1 divides by the logarithm of the length.
    rank = Func(F("words"), Value(either), Value(1), template="ts_rank(%(expressions)s)", output_field=FloatField())
    rank.source_expressions[1] = Func(Value(either), template="%(expressions)s::tsquery")

    def read(matches: Func, before: int | None, since: int | None, most: int) -> list[Hit]:
        some = texts.filter(matches, case__in=cases)
        some = some if before is None else some.filter(pk__lt=before)
        some = some if since is None else some.filter(pk__gte=since)
        return list(some.annotate(rank=rank).order_by("-id").values_list("id", "case_id", "rank")[:most])

    wants = CANDIDATES + 1
    near = _newest(WALKED)
    # The index of words serves no IS TRUE: the rows themselves are read, from the newest on.
    found = read(_matches(first, walked=True), None, near, wants)
    if near is None or len(found) >= wants:
        return found, False
    if len(found) * WALKED_MOST < WORTH_WALKING * WALKED:
        return found + read(_matches(first), near, None, wants - len(found)), False
    far = _newest(WALKED_MOST)
    return found + read(_matches(first, walked=True), near, far, wants - len(found)), far is not None


def _newest(count: int) -> int | None:
    """The id of the text before which so many are newer; nothing where there are not so many."""
    return SearchText.objects.order_by("-pk").values_list("pk", flat=True)[count : count + 1].first()


def _ranked(
    hits: Sequence[Hit],
    sought: Sequence[terms.Sought],
    alike: frozenset[str] = frozenset(),
    *,
    loosely: bool = False,
    more: bool,
) -> Found:
    best: dict[int, tuple[float, int]] = {}
    for text, case, rank in hits[:CANDIDATES]:
        if case not in best or rank > best[case][0]:
            best[case] = (rank, text)
    order = sorted(best, key=lambda case: (-round(best[case][0], 3), -best[case][1]))
    texts = {case: best[case][1] for case in order}
    return Found(order, texts, sought, alike, loosely, more or len(hits) > CANDIDATES)


def _alike(sought: Sequence[terms.Sought]) -> dict[terms.Sought, list[str]]:
    """Known words that are one slip away from each of those looked for."""
    made = {}
    for one in sought:
        word = one.terms[0]
        if len(one.terms) == 1 and len(word) >= _SHORTEST_LEARNED - 1 and not any(sign.isdigit() for sign in word):
            near = KnownWord.objects.filter(slips__overlap=terms.slips(word)).exclude(word=word)
            made[one] = list(near.values_list("word", flat=True)[:ALIKE])
    return made


def bodies_of(found: Found, cases: Iterable[int]) -> dict[int, str]:
    """The words by which these cases were found, by case id; those of a forgotten text are empty."""
    texts = {found.texts[case]: case for case in cases if case in found.texts}
    made: dict[int, str] = {}
    for model in (Contact, Remark):
        for pk, body in model.objects.filter(pk__in=texts).values_list("pk", "body"):
            made[texts[pk]] = body
    return made


def may_ask_who(staff: Staff) -> bool:
    """Whether this person may look for cases by name, telephone number or mail address of who asked."""
    return rights.scopes(staff, "identity.read").centre


def by_address(text: str, staff: Staff) -> QuerySet[Case]:
    """Visible cases of whoever is reached by this telephone number or mail address; none without the right."""
    return _of(people.with_address(text), staff) if may_ask_who(staff) else Case.objects.none()


def by_name(text: str, staff: Staff) -> QuerySet[Case]:
    """Visible cases of the `MOST_PEOPLE` latest people in whose name all these words stand; none without the right."""
    return _of(people.with_name(text), staff) if may_ask_who(staff) else Case.objects.none()


def _of(persons: QuerySet[people.Person] | None, staff: Staff) -> QuerySet[Case]:
    if persons is None:
        return Case.objects.none()
    latest = persons.order_by("-pk").values_list("pk", "merged_into")[:MOST_PEOPLE]
    found = queries.visible_to(staff).filter(requester__in={pk for pair in latest for pk in pair if pk})
    # That somebody marked as sensitive has asked is as sealed as who he is.
    return found if rights.scopes(staff, "person.sensitive").centre else found.exclude(requester__sensitive=True)


def learn_words() -> int:
    """Learn the words of the latest texts that stand in several of them, and unlearn the rest; gives how many changed.

    Takes about a second and is done every ten minutes: a word that was taken away with its texts is soon unknown.
    """
    latest = SearchText.objects.order_by("-id")[:LEARNED_FROM].values("words").query
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word FROM ts_stat(%s) WHERE ndoc >= %s AND length(word) BETWEEN %s AND %s"
            " AND word !~ '[0-9\u3040-\u30ff\u3400-\u9fff]' ORDER BY ndoc DESC, word LIMIT %s",
            [str(latest), LEARNED_TIMES, _SHORTEST_LEARNED, terms.LONGEST_TERM, LEARNED_MOST],
        )
        words = {word for (word,) in cursor.fetchall()}
    known = set(KnownWord.objects.values_list("word", flat=True))
    with transaction.atomic():
        KnownWord.objects.filter(word__in=known - words).delete()
        KnownWord.objects.bulk_create(
            [KnownWord(word=word, slips=terms.slips(word)) for word in sorted(words - known)],
            batch_size=2000, ignore_conflicts=True,
        )  # fmt: skip
    return len(words ^ known)
