"""The journal: chained, provable, without words of people, and every tampering is found."""

import json
from datetime import datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from tests.city import City
from wasl.core.cases import actions, fold, forgetting, journal, queries
from wasl.core.cases.change import NotAllowed, digest
from wasl.core.cases.models import Case, DailyRoot, Entry, Remark, State, WorkOrder
from wasl.core.cases.transitions import BY_VERB, TABLE
from wasl.core.contacts.models import Contact
from wasl.core.organisation.rights import Forbidden
from wasl.core.people.actions import Reach
from wasl.core.people.models import Address
from wasl.kernel import chain, clock


def _sql(statement: str, *params: str | int | bytes) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def refolded(case: Case) -> tuple[Case, dict[int, WorkOrder]]:
    """The case and its orders, made of nothing but its entries."""
    made, orders = Case(id=case.pk), fold.Orders()
    for entry in queries.story(case):
        happening = fold.Happening(entry.verb, entry.at, entry.actor, queries.data_of(entry))
        fold.apply(made, orders, happening, BY_VERB[entry.verb].to)
        made.seq = entry.seq
    return made, orders


_COMPUTED = {
    "version", "head_hash", "due_centre", "due_sign", "due_contact", "due_result", "due_next", *fold.OWN_WORDS,
}  # fmt: skip


def assert_is_the_fold(case: Case) -> None:
    """Columns of case and orders equal the fold of the entries."""
    made, orders = refolded(case)
    for field in Case._meta.local_concrete_fields:
        if field.name not in _COMPUTED:
            assert getattr(case, field.attname) == getattr(made, field.attname), field.name
    stored = {order.pk: order for order in case.orders.all()}
    assert stored.keys() == orders.keys()
    for pk, order in stored.items():
        for field in WorkOrder._meta.local_concrete_fields:
            if not field.name.startswith("due_"):
                assert getattr(order, field.attname) == getattr(orders[pk], field.attname), field.name


@pytest.mark.req("F2")
def test_python_and_sql_link_alike(city: City) -> None:
    case = city.report(body='ماء 水 "quoted" \\ \u2028').dispatched_to().case
    prev = chain.GENESIS
    for entry in queries.story(case):
        at = entry.at
        made = chain.link(
            prev, chain=case.pk, seq=entry.seq, at=at, actor=entry.actor, verb=entry.verb, data=entry.data
        )
        assert bytes(entry.hash) == made
        prev = made
    assert journal.verify().broken is None


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("UPDATE cases_entry SET data = '{{}}' WHERE case_id = {case} AND seq = 1", "changed"),
        ("UPDATE cases_entry SET at = at + interval '1 microsecond' WHERE case_id = {case} AND seq = 2", "changed"),
        ("UPDATE cases_entry SET actor = 'staff:99' WHERE case_id = {case} AND seq = 2", "changed"),
        ("UPDATE cases_entry SET verb = 'case.noted' WHERE case_id = {case} AND seq = 3", "changed"),
        ("DELETE FROM cases_entry WHERE case_id = {case} AND seq = 2", "missing"),
        ("DELETE FROM cases_entry WHERE case_id = {case} AND seq = 3", "do not agree"),
        ("DELETE FROM cases_entry WHERE case_id = {case} AND seq = 1", "missing"),
        ("DELETE FROM cases_entry WHERE case_id = {case}", "do not agree"),
        ("UPDATE cases_case SET seq = 2 WHERE id = {case}", "do not agree"),
        (
            (
                "INSERT INTO cases_entry SELECT 1, case_id, 4, at, actor, verb, data, hash, hash"
                " FROM cases_entry WHERE case_id = {case} AND seq = 3"
            ),
            "changed",
        ),
    ],
)
@pytest.mark.req("F2")
def test_every_tampering_is_found_and_named(city: City, tampering: str, found: str) -> None:
    city.report().dispatched_to()
    case = city.report().dispatched_to().case
    city.report().dispatched_to()
    columns = "(id, case_id, seq, at, actor, verb, data, prev, hash)"
    _sql(
        tampering.replace("INSERT INTO cases_entry SELECT", f"INSERT INTO cases_entry {columns} SELECT").format(
            case=case.pk
        )
    )
    broken = journal.verify().broken
    assert broken is not None
    assert broken.case_id == case.pk
    assert found in str(broken)


def test_a_rewritten_chain_is_found_by_the_daily_root(city: City) -> None:
    case = city.report().dispatched_to().case
    with clock.later(timedelta(days=2)):
        assert journal.take_roots()
    last = case.entries.get(seq=3)
    data = json.dumps({**queries.data_of(last), "route": {"why": "chosen"}}, sort_keys=True, separators=(",", ":"))
    made = chain.link(bytes(last.prev), chain=case.pk, seq=3, at=last.at, actor=last.actor, verb=last.verb, data=data)
    _sql("UPDATE cases_entry SET data = %s::json, hash = %s WHERE id = %s", data, made, last.pk)
    _sql("UPDATE cases_case SET head_hash = %s WHERE id = %s", made, case.pk)
    broken = journal.verify().broken
    assert broken is not None
    assert "root" in str(broken)


def test_roots_are_taken_for_each_day_once_and_empty_days_too(city: City) -> None:
    city.report()
    with clock.later(timedelta(days=3)):
        first = journal.take_roots()
        assert journal.take_roots() == []
    assert [r.heads for r in first] == [1, 0, 0]
    assert journal.verify().roots == 3
    DailyRoot.objects.filter(pk=first[1].pk).update(hash=sha256(b"x").digest())
    assert journal.verify().broken is not None


def test_no_root_while_the_day_may_still_grow(city: City) -> None:
    zone = ZoneInfo("Asia/Muscat")
    with clock.held(datetime(2027, 5, 5, 12, tzinfo=zone)):
        city.report()
    with clock.held(datetime(2027, 5, 6, 0, 5, tzinfo=zone)):
        assert journal.take_roots() == []
    with clock.held(datetime(2027, 5, 6, 0, 15, tzinfo=zone)):
        assert len(journal.take_roots()) == 1


def test_entries_hold_no_words_names_or_numbers(city: City) -> None:
    body, name = "My neighbour Khalid pours oil", "Salma Unique Name"
    told = city.report(
        body=body, reach=Reach(name=name, phone="92345678", mail="salma@example.com"), address="Way 4411, house 12"
    )
    told.dispatched_to().replied(text="We spoke with Khalid at once.").told()
    actions.note(told.case, by=city.agent, text="Khalid was rude")
    everything = " ".join(Entry.objects.filter(case=told.case).values_list("data", flat=True))
    for secret in ("Khalid", "Salma", "92345678", "salma@", "4411", "rude", told.pin):
        assert secret not in everything


@pytest.mark.slow
def test_the_columns_are_the_fold_of_the_entries(city: City) -> None:
    told = city.report().dispatched_to("water", "roads").returned().dispatched_to("roads").replied().told().contested()
    assert_is_the_fold(told.fresh())
    actions.redo(told.case, by=city.second_line, text="Again, please.")
    told.replied().told().confirmed()
    assert_is_the_fold(told.fresh())


@pytest.mark.req("P6")
def test_forgetting_a_person_leaves_every_chain_whole(city: City) -> None:
    reach = Reach(name="سالم", phone="+96892345678", mail="salim@example.com", channel="mail")
    told = city.report(body="Secret words", reach=reach).dispatched_to().replied().told()
    person = told.fresh().requester
    assert person is not None
    with pytest.raises(NotAllowed, match="still open"):
        forgetting.forget(person, by=city.administrator)
    told.confirmed()
    with pytest.raises(Forbidden):
        forgetting.forget(person, by=city.agent)
    preview = forgetting.preview_forget(person)
    assert (preview.cases, preview.contacts, preview.addresses) == (1, 1, 2)
    assert forgetting.forget(person, by=city.administrator) == preview
    case = told.fresh()
    assert not Contact.objects.filter(case=case).exclude(body="").exists()
    assert not Remark.objects.filter(case=case).exclude(body="").exists()
    assert not Address.objects.filter(person=person).exists()
    assert (case.requester_id, case.lat, case.address) == (None, None, "")
    assert_is_the_fold(case)
    assert journal.verify().broken is None


def test_retention_takes_only_what_is_old_and_closed(city: City) -> None:
    old = city.report().dispatched_to().replied().told().confirmed()
    still_open = city.report().dispatched_to()
    later = clock.now() + timedelta(days=1)
    assert forgetting.preview_retention(later).cases == 1
    assert forgetting.retain(later, by=city.administrator).cases == 1
    assert old.fresh().redacted_at is not None
    assert still_open.fresh().redacted_at is None
    assert journal.verify().broken is None
    assert forgetting.retain(later).cases == 0


def test_a_digest_proves_the_words_and_goes_with_the_salt(city: City) -> None:
    case = city.report(body="The words").case
    contact = case.contacts.get()
    assert queries.data_of(case.entries.get(seq=1))["digest"] == digest(bytes(contact.salt), contact.body)


def test_the_table_names_only_verbs_that_have_words_and_an_effect() -> None:
    for row in TABLE:
        assert row.verb in queries.LABELS
        assert row.verb in fold.EFFECTS
    assert set(fold.EFFECTS) == set(BY_VERB) == set(queries.LABELS)


def test_every_open_state_can_be_left() -> None:
    for state in State:
        if state != State.CLOSED:
            leaving = [row for row in TABLE if state in row.frm and row.to not in (None, state)]
            assert leaving or state == State.SUSPENDED, state
