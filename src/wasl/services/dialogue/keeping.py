"""Everything that one batch of texts needs to know, read at once and written at once: who writes, where they stand.

Numbers of texts come by the thousand; nothing here asks the data base for a single one.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wasl.core.people import queries as people
from wasl.core.people.models import Address
from wasl.kernel import seal
from wasl.kernel.rows import read
from wasl.services.articles import actions as articles
from wasl.services.articles.models import ArticleVersion
from wasl.services.articles.queries import in_force
from wasl.services.campaigns import acknowledging
from wasl.services.messages import queries as told


@dataclass(slots=True)
class Known:
    """What is known of a number. Columns of `Sender`, and the language of the person who bears it, if anybody does."""

    look_up: bytes
    """Of the number, as the gateway knows it (`seal.index_of`)."""
    language: str
    answered_since: datetime | None
    answered: int
    filed_since: datetime | None
    filed: int
    helped_at: datetime | None
    wrong_since: datetime | None
    wrong: int
    address: bytes = b""
    """Of the number as an address of a person (`people.queries.index_of`)."""
    persons_language: str = ""


@dataclass(slots=True)
class Talk:
    """Where a conversation stands. `state` empty: nowhere."""

    look_up: bytes
    state: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    expires_at: datetime | None = None
    moved: bool = False


_SENDERS_MADE = """
INSERT INTO dialogue_sender (look_up, language, seen_at, answered, filed, wrong)
SELECT one, '', $2, 0, 0, 0 FROM unnest($1::bytea[]) one ORDER BY one ON CONFLICT DO NOTHING
"""
# Locked in one order, so that two who answer texts of the same numbers wait for each other and never cross.
_SENDERS = """
SELECT look_up, language, answered_since, answered, filed_since, filed, helped_at, wrong_since, wrong
FROM dialogue_sender WHERE look_up = ANY($1) ORDER BY look_up FOR UPDATE
"""
# Rows go as JSON: psycopg takes arrays of thousands apart one by one.
_SENDERS_KEPT = """
UPDATE dialogue_sender s SET language = n.language, seen_at = $2, answered_since = n.answered_since,
    answered = n.answered, filed_since = n.filed_since, filed = n.filed, helped_at = n.helped_at,
    wrong_since = n.wrong_since, wrong = n.wrong
FROM jsonb_to_recordset($1::jsonb) n(look_up text, language text, answered_since timestamptz, answered int,
    filed_since timestamptz, filed int, helped_at timestamptz, wrong_since timestamptz, wrong int)
WHERE s.look_up = decode(n.look_up, 'hex')
"""
_TALKS = "SELECT look_up, state, data_sealed, at, expires_at FROM dialogue_conversation WHERE look_up = ANY($1)"
_TALKS_KEPT = """
INSERT INTO dialogue_conversation (look_up, state, data_sealed, at, expires_at)
SELECT decode(look_up, 'hex'), state, decode(data, 'hex'), at, expires_at
FROM jsonb_to_recordset($1::jsonb) n(look_up text, state text, data text, at timestamptz, expires_at timestamptz)
ORDER BY 1
ON CONFLICT (look_up) DO UPDATE SET state = excluded.state, data_sealed = excluded.data_sealed, at = excluded.at,
    expires_at = excluded.expires_at
"""
_TALKS_ENDED = "DELETE FROM dialogue_conversation WHERE look_up = ANY($1)"
_LANGUAGES = """
SELECT DISTINCT ON (a.look_up) a.look_up, p.language FROM people_address a JOIN people_person p ON p.id = a.person_id
WHERE a.look_up = ANY($1) AND p.forgotten_at IS NULL
ORDER BY a.look_up, a.verified_at DESC NULLS LAST, p.id DESC
"""


class Batch:
    """What is known of the numbers of one batch, and what of it has changed."""

    def __init__(self, sides: Sequence[tuple[str, str]], now: datetime) -> None:
        """`sides`: number (E.164) and short code of each text. To be called inside a transaction."""
        self._now = now
        self._indexes = {number: seal.index_of(number) for number in {n for n, _c in sides}}
        self._known = self._senders()
        self._talks = self._conversations(set(sides))
        self._waiting = told.waiting([one.address for one in self._known.values()])
        self._emergencies: dict[str, tuple[int, datetime]] | None = None
        self._articles: list[ArticleVersion] | None = None
        self.given: list[str] = []
        """Marks of the articles that were given, to be counted."""

    def known(self, number: str) -> Known:
        """Of a number of this batch."""
        return self._known[self._indexes[number]]

    def talk(self, number: str, code: str) -> Talk:
        """Of a number of this batch with a code."""
        return self._talks[side(number, code)]

    def stand(self, talk: Talk) -> None:
        """A conversation of this batch stands there now."""
        self._talks[talk.look_up] = talk

    def forget_people(self) -> None:
        """Nobody behind these numbers is known any more: who only tries something out learns nothing of anybody."""
        self._waiting, self._emergencies = {}, {}
        # Where a number stands may hold a code that was texted to it.
        self._talks = {key: Talk(key) for key in self._talks}
        for one in self._known.values():
            one.address, one.persons_language = b"", ""

    def waiting(self, number: str) -> list[told.Waiting]:
        """Cases that wait for a word from this number, as they were when the batch was read."""
        return self._waiting.get(self.known(number).address, [])

    def emergency(self, number: str) -> tuple[int, datetime] | None:
        """The emergency that waits for a word from this number, and when it began; looked for when first asked."""
        if self._emergencies is None:
            self._emergencies = acknowledging.waiting(self._indexes)
        return self._emergencies.get(number)

    def articles(self) -> list[ArticleVersion]:
        """Those in force as this batch is answered; looked for when first asked."""
        if self._articles is None:
            self._articles = in_force()
        return self._articles

    def _senders(self) -> dict[bytes, Known]:
        indexes = sorted(self._indexes.values())
        read(_SENDERS_MADE, [indexes, self._now])
        known = {bytes(row[0]): Known(bytes(row[0]), *row[1:]) for row in read(_SENDERS, [indexes])}
        new = {}
        for number, look_up in self._indexes.items():
            one = known[look_up]
            one.address = people.index_of(Address.Medium.PHONE, number)
            if not one.language:
                new[one.address] = one
        for address, language in read(_LANGUAGES, [list(new)]) if new else []:
            new[bytes(address)].persons_language = language
        return known

    def _conversations(self, sides: set[tuple[str, str]]) -> dict[bytes, Talk]:
        talks = {key: Talk(key) for key in (side(*one) for one in sides)}
        for look_up, state, sealed, at, expires_at in read(_TALKS, [list(talks)]):
            key = bytes(look_up)
            data = json.loads(seal.unseal(bytes(sealed), place=_place(key)))
            talks[key] = Talk(key, state, data, at, expires_at)
        return talks

    def write(self) -> None:
        """Keep what has changed."""
        known = [
            {
                "look_up": one.look_up.hex(),
                "language": one.language,
                "answered_since": _text(one.answered_since),
                "answered": one.answered,
                "filed_since": _text(one.filed_since),
                "filed": one.filed,
                "helped_at": _text(one.helped_at),
                "wrong_since": _text(one.wrong_since),
                "wrong": one.wrong,
            }
            for one in self._known.values()
        ]
        read(_SENDERS_KEPT, [json.dumps(known), self._now])
        write_talks([talk for talk in self._talks.values() if talk.moved])
        articles.used(articles.SMS, self.given)


def write_talks(talks: Iterable[Talk]) -> None:
    """Keep where these conversations stand now, whatever stood there."""
    on, ended = [], []
    for talk in talks:
        if not talk.state:
            ended.append(talk.look_up)
            continue
        sealed = seal.seal(json.dumps(talk.data), place=_place(talk.look_up))
        on.append(
            {
                "look_up": talk.look_up.hex(),
                "state": talk.state,
                "data": sealed.hex(),
                "at": _text(talk.at),
                "expires_at": _text(talk.expires_at),
            }
        )
    if on:
        read(_TALKS_KEPT, [json.dumps(on)])
    if ended:
        read(_TALKS_ENDED, [ended])


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def side(number: str, code: str) -> bytes:
    """The blind index of number and code: the key of their conversation."""
    return seal.index_of(f"conversation:{number}:{code}")


def _place(key: bytes) -> str:
    return f"dialogue_conversation {key.hex()}"
