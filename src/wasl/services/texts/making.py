"""What a text must be to be taken, and the one statement that keeps texts: for `actions.queue` and for `Writer`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from wasl.kernel import clock, phone, seal
from wasl.kernel.arrays import octets, plain, texts
from wasl.kernel.sms import text as sms
from wasl.services.texts.models import Client, Klass
from wasl.services.texts.queries import Settings

HOUSE = "wasl"
"""The hotline itself as a client of its gateway; it may send in the name of all its codes."""

STOPPED_FROM: Final = {"all": Klass.CASE, "alerts": Klass.ALERT}
"""The first class that does not reach who stopped so much, by `dialogue.models.OptOut.What`."""
STOPPED = gettext_noop("The receiver wants no more texts of this class (STOP).")


class Refused(ValueError):
    """A text that is not taken; the words say why and may be shown to who hands it in. `why` is for programs."""

    def __init__(self, words: str, why: str = "invalid") -> None:
        super().__init__(words)
        self.why = why


@dataclass(frozen=True, slots=True)
class New:
    """A text to be sent. `number` in E.164 or a short code; `ref` is the sender's own name for it.

    `due_at`: not before; `worth_until`: not after, else by the rule of its class. `secret`: the words are shown to
    nobody and go when the text has ended.
    """

    ref: str
    number: str
    words: str
    klass: int
    sender: str = ""
    secret: bool = False
    due_at: datetime | None = None
    worth_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of it: the id of the text, its parts, and whether it was there before under the same `ref`."""

    id: int
    parts: int
    known: bool = False


@dataclass(slots=True)
class Made:
    """A text that may be taken, before it is kept; `id` and the seals come with `ready`."""

    client: Client
    ref: str
    number: str
    words: str
    klass: int
    sender: str
    secret: bool
    parts: int
    route: int
    made_at: datetime
    due_at: datetime
    worth_until: datetime
    look_up: bytes
    hint: str
    id: int = 0
    number_sealed: bytes = b""
    words_sealed: bytes = b""
    mark: bytes = b""

    def ready(self, pk: int) -> None:
        """Give it its id and seal it for its place; without a reference of the client's its id is one."""
        self.id = pk
        self.ref = self.ref or str(pk)
        self.number_sealed = seal.seal(self.number, place=number_place(pk))
        self.words_sealed = seal.seal(self.words, place=words_place(pk))
        self.mark = mark_of(pk, self.words) if self.secret else b""


def number_place(pk: int) -> str:
    """Where a text's number is sealed for."""
    return f"text.number:{pk}"


def words_place(pk: int) -> str:
    """Where a text's words are sealed for."""
    return f"text.words:{pk}"


def mark_of(pk: int, words: str) -> bytes:
    """By what a text's words are known when they are kept no more."""
    return seal.index_of(f"{words_place(pk)}\0{words}")


def make(client: Client, new: New, known: Settings, *, ported: int | None = None, at: datetime | None = None) -> Made:
    """Judge one text. Raises Refused. An empty `ref` is replaced by the text's id."""
    now = at or clock.now()
    sender = new.sender or client.sender
    if client.code != HOUSE and sender != client.sender and sender not in client.senders:
        raise Refused(_("This sender is not yours."), "sender")
    if new.klass < client.best:
        raise Refused(_("You may not send in this class."), "class")
    if len(new.ref) > 100 or not new.ref.isprintable():
        raise Refused(_("A reference has 1 to 100 characters that can be printed."), "ref")
    words = sms.for_telephones(new.words).strip()
    if not words:
        raise Refused(_("The text is empty."), "words")
    try:
        words.encode()
        parts = sms.count(words)
    except UnicodeEncodeError as error:
        raise Refused(_("The text holds half a character."), "words") from error
    except sms.TooLong as error:
        raise Refused(_("The text is too long."), "words") from error
    route = known.route(new.number, sender, new.klass, client.id, ported=ported)
    if route is None:
        raise Refused(_("No operator carries texts to this number."), "number")
    due = known.may_go_at(new.klass, max(new.due_at or now, now))
    return Made(
        client=client,
        ref=new.ref,
        number=new.number,
        words=words,
        klass=int(new.klass),
        sender=sender,
        secret=new.secret,
        parts=parts,
        route=route.id,
        made_at=now,
        due_at=due,
        worth_until=new.worth_until or due + timedelta(minutes=known.rules[new.klass].worth_min),
        look_up=seal.index_of(new.number),
        hint=phone.masked(new.number),
    )


# --- keeping ------------------------------------------------------------------------------------------------------

_STOPPED = " OR ".join(f"o.what = '{what}' AND u.klass >= {first:d}" for what, first in STOPPED_FROM.items())
# One round trip for any number of texts of any clients. Who has a bound is counted in texts_used, whose rows `OPEN`
# has made; they are locked, so that several processes together keep the bound. What is not taken comes back with the
# reason, the first of: stopped by its receiver, over the bound of the day, over that of the minute, or known already.
KEEP = f"""
WITH given AS MATERIALIZED (
    SELECT u.*, u.klass >= {min(STOPPED_FROM.values()):d} AND EXISTS (
        SELECT 1 FROM dialogue_optout o WHERE o.look_up = u.look_up AND o.ended_at IS NULL
          AND ({_STOPPED})) AS stopped
    FROM unnest(%(id)s::bigint[], %(client)s::bigint[], %(ref)s::text[], %(klass)s::smallint[], %(number)s::bytea[],
        %(look_up)s::bytea[], %(hint)s::text[], %(sender)s::text[], %(words)s::bytea[], %(secret)s::boolean[],
        %(mark)s::bytea[], %(parts)s::int[], %(made)s::timestamptz[], %(route)s::bigint[], %(due)s::timestamptz[],
        %(worth)s::timestamptz[], %(day)s::int[], %(minute)s::int[]) WITH ORDINALITY
        AS u(id, client, ref, klass, number, look_up, hint, sender, words, secret, mark, parts, made, route, due, worth,
             day, minute, place)
), used AS MATERIALIZED (
    SELECT client_id, parts, CASE WHEN minute = %(now)s THEN minute_parts ELSE 0 END AS minute_parts FROM texts_used
    WHERE day = %(today)s AND client_id = ANY(%(bounded)s::bigint[]) ORDER BY client_id FOR UPDATE
), judged AS MATERIALIZED (
    SELECT g.*, g.day IS NOT NULL AND coalesce(d.parts, 0) + g.upto > g.day AS day_full,
        g.minute IS NOT NULL AND coalesce(d.minute_parts, 0) + g.upto > g.minute AS minute_full
    FROM (SELECT *, sum(parts) FILTER (WHERE NOT stopped) OVER (PARTITION BY client ORDER BY place) AS upto
          FROM given) g LEFT JOIN used d ON d.client_id = g.client
), taken AS (
    INSERT INTO texts_text (id, client_id, ref, klass, number_sealed, look_up, hint, sender, words_sealed, secret,
        mark, parts, state, repeated, made_at, error)
    SELECT id, client, ref, klass, number, look_up, hint, sender, words, secret, nullif(mark, ''), parts,
        'queued', false, made, ''
    FROM judged WHERE NOT stopped AND NOT day_full AND NOT minute_full ORDER BY place
    ON CONFLICT (client_id, ref) DO NOTHING RETURNING id, client_id, parts
), waiting AS (
    INSERT INTO texts_queued (text_id, route_id, klass, client_id, due_at, worth_until, attempts)
    SELECT t.id, g.route, g.klass, g.client, g.due, g.worth, 0 FROM taken t JOIN judged g ON g.id = t.id
), counted AS (
    UPDATE texts_used d SET parts = d.parts + n.parts, minute = %(now)s,
        minute_parts = n.parts + CASE WHEN d.minute = %(now)s THEN d.minute_parts ELSE 0 END
    FROM (SELECT client_id, sum(parts)::int AS parts FROM taken GROUP BY client_id) n
    WHERE d.client_id = n.client_id AND d.day = %(today)s AND d.client_id = ANY(%(bounded)s::bigint[])
), woken AS (
    SELECT pg_notify(%(channel)s, '') FROM (SELECT 1 FROM taken LIMIT 1) AS any_taken
)
SELECT g.place - 1, CASE WHEN g.stopped THEN 'stopped' WHEN g.day_full THEN 'day' WHEN g.minute_full THEN 'minute'
    ELSE 'known' END
FROM judged g WHERE NOT EXISTS (SELECT 1 FROM taken t WHERE t.id = g.id)
UNION ALL SELECT -1, '' FROM woken
"""  # noqa: S608  # constants of ours

OPEN = """
INSERT INTO texts_used (client_id, day, parts, minute, minute_parts)
SELECT unnest(%(bounded)s::bigint[]), %(today)s, 0, 0, 0 ON CONFLICT DO NOTHING
"""

KNOWN = """
SELECT t.client_id, t.ref, t.id, t.parts, t.klass, t.look_up, t.sender, t.words_sealed, t.mark
FROM unnest(%(client)s::bigint[], %(ref)s::text[]) AS u(client, ref)
JOIN texts_text t ON t.client_id = u.client AND t.ref = u.ref
"""


def facts_of(made: Sequence[Made], channel: str) -> dict[str, Any]:
    """The parameters of KEEP and OPEN. `made` must be ready."""
    now = clock.now()
    day = today()
    bounded = sorted({one.client.id for one in made if bound(one.client)})
    stamps = {at: "" for one in made for at in (one.made_at, one.due_at, one.worth_until)}
    stamps = {at: at.isoformat() for at in stamps}
    return {
        "id": plain(one.id for one in made),
        "client": plain(one.client.id for one in made),
        "ref": texts([one.ref for one in made]),
        "klass": plain(one.klass for one in made),
        "number": octets(one.number_sealed for one in made),
        "look_up": octets(one.look_up for one in made),
        "hint": texts([one.hint for one in made]),
        "sender": texts([one.sender for one in made]),
        "words": octets(one.words_sealed for one in made),
        "secret": plain(one.secret for one in made),
        "mark": octets(one.mark for one in made),
        "parts": plain(one.parts for one in made),
        "made": plain(stamps[one.made_at] for one in made),
        "route": plain(one.route for one in made),
        "due": plain(stamps[one.due_at] for one in made),
        "worth": plain(stamps[one.worth_until] for one in made),
        "day": plain("null" if (most := one.client.per_day) is None else most for one in made),
        "minute": plain("null" if (most := one.client.per_min) is None else most for one in made),
        "bounded": plain(bounded),
        "today": day,
        "now": int(now.timestamp()) // 60,
        "channel": channel,
    }


def known_facts(made: Sequence[Made]) -> dict[str, str]:
    """The parameters of KNOWN."""
    return {"client": plain(one.client.id for one in made), "ref": texts([one.ref for one in made])}


def bound(client: Client) -> bool:
    """Whether anything bounds how much this client sends."""
    return client.per_day is not None or client.per_min is not None


def today() -> Any:
    """The day that bounds are counted in: that of UTC, so that it has 24 hours always."""
    return clock.now().astimezone(UTC).date()


def answers(
    made: Sequence[Made], left: Sequence[tuple[int, str]], there: Mapping[tuple[int, str], Sequence[Any]]
) -> list[Taken | Refused]:
    """What KEEP (`left`) and KNOWN (`there`, by client and reference) say, for each text."""
    why = dict(left)
    found: list[Taken | Refused] = []
    for place, one in enumerate(made):
        before = there.get((one.client.id, one.ref)) if place in why else None
        if place not in why or (before and before[2] == one.id):
            found.append(Taken(one.id, one.parts))
        elif before and same(one, before):
            found.append(Taken(before[2], before[3], known=True))
        elif before:
            found.append(Refused(_("This reference names another text of yours."), "conflict"))
        else:
            found.append(Refused(*_refusals()[why[place]]))
    return found


def same(one: Made, before: Sequence[Any]) -> bool:
    """Whether a row of KNOWN is the same text. Words that are old and kept no more count no more."""
    _client, _ref, pk, _parts, _klass, look_up, sender, words_sealed, mark = before
    if bytes(look_up) != one.look_up or sender != one.sender:
        return False
    if mark is not None and words_sealed is None:
        return bytes(mark) == mark_of(pk, one.words)
    return words_sealed is None or seal.unseal(words_sealed, place=words_place(pk)) == one.words


def _refusals() -> dict[str, tuple[str, str]]:
    return {
        "stopped": (_(STOPPED), "stopped"),
        "day": (_("Your parts for today are used up."), "day"),
        "minute": (_("Your parts for this minute are used up."), "minute"),
        "known": (_("The text could not be kept. Please try again."), "again"),
    }
