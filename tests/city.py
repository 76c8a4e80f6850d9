"""The fixture world: the demo city, its people at every desk, and a small language to make cases by what happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from wasl.core.cases import actions
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.cases.models import Case, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Client, Post, Staff, Unit
from wasl.core.people.actions import Reach
from wasl.site.demo.load import load

# A point well inside each wilayat: (latitude, longitude).
POINTS = {
    "seeb": (23.67, 58.15),
    "bawshar": (23.58, 58.40),
    "muttrah": (23.61, 58.53),
    "muscat-wilayat": (23.57, 58.63),
    "amrat": (23.46, 58.49),
    "qurayyat": (23.26, 58.90),
}


@dataclass
class Told:
    """A case in the making; each method is something that happens to it and gives the same object back."""

    city: City
    case: Case
    pin: str

    @property
    def order(self) -> WorkOrder:
        """The lead order that was made last."""
        order = self.case.orders.filter(role="lead").order_by("-dispatched_at", "-pk").first()
        assert order is not None
        return order

    def fresh(self) -> Case:
        """The case as it is in the data base."""
        self.case = Case.objects.get(pk=self.case.pk)
        return self.case

    def registered(self, category: str = "") -> Self:
        about_centre = self.case.against is not None and self.case.against.kind == "centre"
        actions.register(
            self.case,
            by=self.city.supervisor if about_centre else self.city.agent,
            category=category,
            seen=self.case.version,
        )
        return self

    def dispatched_to(self, unit: str = "", *assist: str) -> Self:
        if self.case.state == "received":
            self.registered()
        actions.dispatch(
            self.case,
            by=self.city.supervisor if self.case.against_id else self.city.dispatcher,
            unit=organisation.unit(unit) if unit else None,
            assist=[organisation.unit(a) for a in assist],
            seen=self.case.version,
        )
        return self

    def signed(self) -> Self:
        order = self.order
        actions.sign_for(order, by=self.city.officer_of(order.unit), seen=self.fresh().version)
        self.fresh()
        return self

    def returned(self, reason: str = "not-our-duty", proposed: str = "") -> Self:
        order = self.order
        actions.return_order(
            order,
            by=self.city.officer_of(order.unit),
            reason=reason,
            proposed=organisation.unit(proposed) if proposed else None,
            seen=self.fresh().version,
        )
        self.fresh()
        return self

    def arbitrated(self, to: str) -> Self:
        actions.arbitrate(
            self.fresh(),
            by=self.city.dispatcher,
            unit=organisation.unit(to),
            reason="It is theirs by the catalogue.",
            seen=self.case.version,
        )
        return self

    def replied(self, outcome: str = "fixed", text: str = "We repaired it on Thursday and tested it.") -> Self:
        if self.fresh().state == "dispatched":
            self.signed()
        order = self.order
        actions.reply(order, by=self.city.officer_of(order.unit), outcome=outcome, text=text, seen=self.fresh().version)
        self.fresh()
        return self

    def reviewed(self) -> Self:
        actions.review(self.fresh(), by=self.city.second_line, seen=self.case.version)
        return self

    def told(self) -> Self:
        if self.fresh().state == "replied":
            self.reviewed()
        actions.tell(self.fresh(), by=self.city.second_line, seen=self.case.version)
        return self

    def contested(self, verdict: str = "not_solved") -> Self:
        actions.contest(self.fresh(), by=THE_CITIZEN, verdict=verdict, text="The water is still there.")
        return self

    def confirmed(self) -> Self:
        actions.confirm(self.fresh(), by=THE_CITIZEN)
        self.fresh()
        return self

    def verbs(self) -> list[str]:
        """What happened, in order."""
        return list(self.case.entries.order_by("seq").values_list("verb", flat=True))


@dataclass
class City:
    """The demo city in a test's data base."""

    made: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Self:
        """Load it; the caches of the process are dropped."""
        organisation.forget()
        catalogue.forget()
        made = load("muscat")
        organisation.forget()
        catalogue.forget()
        return cls(made)

    @property
    def password(self) -> str:
        """Of everybody in the demo."""
        return str(self.made["sign_ins"][0]["password"])

    @property
    def key(self) -> str:
        """The Open311 key of the demo client."""
        return str(self.made["open311_key"])

    @property
    def client(self) -> Client:
        return Client.objects.get(name="Open311 demo")

    def staff(self, username: str) -> Staff:
        return Staff.objects.get(username=username)

    def one(self, role: str, *, number: int = 0) -> Staff:
        """Somebody with this role over the whole centre."""
        posts = (
            Post.objects.filter(role=role, unit__isnull=True, area__isnull=True).select_related("staff").order_by("pk")
        )
        return posts[number].staff

    @property
    def agent(self) -> Staff:
        return self.one("agent")

    @property
    def dispatcher(self) -> Staff:
        return self.one("dispatcher")

    @property
    def second_line(self) -> Staff:
        return self.one("second_line")

    @property
    def supervisor(self) -> Staff:
        return self.one("supervisor")

    @property
    def leader(self) -> Staff:
        return self.one("leader")

    @property
    def administrator(self) -> Staff:
        return self.one("administrator")

    def officer_of(self, unit: Unit) -> Staff:
        """An officer of the unit itself, or of one above it, or a new one where it has none."""
        for pk in reversed(unit.chain):
            post = Post.objects.filter(role="officer", unit_id=pk).select_related("staff").first()
            if post:
                return post.staff
        return self.new_officer(unit)

    def officer(self, code: str) -> Staff:
        """An officer of the unit with this code."""
        return self.officer_of(organisation.unit(code))

    def new_officer(self, unit: Unit) -> Staff:
        """A new officer of this very unit."""
        staff = Staff.objects.create(
            username=f"officer-{unit.code}-{Staff.objects.count()}", names={"en": "Officer"}, language="en"
        )
        Post.objects.create(staff=staff, role="officer", unit=unit, since=self.agent.posts.get().since)
        return staff

    def report(self, category: str = "water-leak", *, area: str = "bawshar", **more: Any) -> Told:
        """A citizen's report on the web, waiting in the review queue."""
        reach = more.pop("reach", Reach(name="مريم", mail="maryam@example.com", channel="mail", language="ar"))
        report = actions.Report(
            medium="web",
            body=more.pop("body", "The water runs down the street."),
            category=category,
            place=more.pop("place", POINTS[area]),
            reach=reach,
            **more,
        )
        receipt = actions.receive(report, by=more.get("by", THE_CITIZEN))
        return Told(self, receipt.case, receipt.pin)

    case = report
