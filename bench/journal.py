"""How fast the whole journal is proved, in entries a second on one core, against the 300,000 that are asked.

One case is taken through the verbs; its chain is then copied under other ids, hashes computed anew, so that every copy
is a true chain of its own. The proof is `journal.verify`, the same that `./wasl journal verify` runs.
"""

import time
from datetime import timedelta

from django.db import connection, transaction

from wasl.core.cases import actions, journal
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.cases.models import Case, Entry
from wasl.core.organisation.models import Staff
from wasl.core.people.actions import Reach
from wasl.kernel import chain, clock

LIMIT = 300_000
FIRST = 1_000_000


def main(quick: bool) -> None:
    """Prints entries/s per core and `journal ratio R`: the rate over the limit."""
    cases = 20_000 if quick else 110_000
    template = _template()
    _multiply(template, cases)
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        cursor.execute("VACUUM ANALYZE cases_entry")
        cursor.execute("VACUUM ANALYZE cases_case")
    with clock.later(timedelta(days=2)):
        began = time.perf_counter()
        roots = journal.take_roots()
        print(f"daily roots: {len(roots)} taken in {time.perf_counter() - began:.2f} s")
    rates = []
    for _ in range(2 if quick else 3):
        began, worked = time.perf_counter(), time.process_time()
        proof = journal.verify()
        seconds, own = time.perf_counter() - began, time.process_time() - worked
        if proof.broken is not None:
            raise SystemExit(f"the journal does not prove: {proof.broken}")
        rates.append(proof.entries / own)
        print(
            f"{proof.entries:,} entries of {proof.cases:,} cases proved in {seconds:.2f} s "
            f"({proof.entries / seconds:,.0f}/s by the clock): {rates[-1]:,.0f} entries a second of processor"
        )
    best = max(rates)
    print(f"limit {LIMIT:,} entries/s on one core of the prover")
    print(f"journal ratio {best / LIMIT:.2f}")


def _template() -> int:
    """A case with a usual life; gives its id."""
    client_reach = Reach(mail="bench@example.com", channel="mail")
    report = actions.Report(medium="web", body="Water", category="water-leak", place=(23.58, 58.40), reach=client_reach)
    case = actions.receive(report, by=THE_CITIZEN).case
    staff = {
        post: Staff.objects.filter(posts__role=post, posts__unit=None, posts__area=None)[0]
        for post in ("agent", "second_line")
    }
    actions.register(case, by=staff["agent"])
    actions.dispatch(case, by=staff["agent"])
    order = case.orders.get()
    officer = Staff.objects.filter(posts__unit=order.unit)[0]
    actions.sign_for(order, by=officer)
    actions.reply(order, by=officer, outcome="fixed", text="The pipe is repaired.")
    actions.review(case, by=staff["second_line"])
    actions.tell(case, by=staff["second_line"])
    actions.confirm(case)
    return case.pk


def _multiply(template: int, cases: int) -> None:
    """Copy the case and its chain under new ids; each copy's links are computed for its own id."""
    entries = list(Entry.objects.filter(case_id=template).order_by("seq"))
    with transaction.atomic(), connection.cursor() as cursor:
        own = ("id", "number", "head_hash")
        fields = [f.get_attname() for f in Case._meta.local_concrete_fields if f.name not in own]
        named, plain = ", ".join(fields), ", ".join(f"c.{name}" for name in fields)
        with cursor.copy("COPY cases_entry (id, case_id, seq, at, actor, verb, data, prev, hash) FROM STDIN") as copy:
            for n in range(1, cases + 1):
                prev = chain.GENESIS
                for e in entries:
                    made = chain.link(
                        prev, chain=FIRST + n, seq=e.seq, at=e.at, actor=e.actor, verb=e.verb, data=e.data
                    )
                    number = 100 * FIRST + n * 10 + e.seq
                    copy.write_row((number, FIRST + n, e.seq, e.at, e.actor, e.verb, e.data, prev, made))
                    prev = made
        cursor.execute(
            f"INSERT INTO cases_case (id, number, head_hash, {named}) SELECT %s + n, '99' || n, e.hash, {plain} "
            "FROM cases_case c, generate_series(1, %s) n JOIN cases_entry e ON e.case_id = %s + n AND e.seq = %s "
            "WHERE c.id = %s",
            [FIRST, cases, FIRST, len(entries), template],
        )
