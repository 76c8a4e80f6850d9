"""What changed, in words: the audit's verbs, its columns and their values for people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.catalogue.models import Edition
from wasl.core.organisation.actions.house import MEGABYTE
from wasl.core.organisation.models import Area, Audit, Bulletin, Calendar, Client, Post, Proposal, Staff, Unit
from wasl.faces.desk.setup.forms import SHEET_WORDS
from wasl.faces.frame.dates import near
from wasl.kernel import clock
from wasl.kernel.names import local
from wasl.services.calls.models import BreakReason, Call, Profile, Queue, Trunk
from wasl.services.campaigns.models import Campaign, Group
from wasl.services.enquiries.models import DataSet, Enquiry
from wasl.services.messages.models import Template
from wasl.services.messages.notices import LABELS as NOTICE_WORDS
from wasl.services.texts.models import Bind, KlassRule, Operator, Route
from wasl.services.texts.models import Client as SmsClient

VERBS: Mapping[str, str | Promise] = {
    "unit.made": pgettext_lazy("change", "made the unit"),
    "unit.changed": pgettext_lazy("change", "changed the unit"),
    "unit.merged": pgettext_lazy("change", "merged the unit into another"),
    "staff.made": pgettext_lazy("change", "made the account"),
    "staff.changed": pgettext_lazy("change", "changed the account"),
    "staff.confirmed": pgettext_lazy("change", "confirmed how he is reached"),
    "staff.link_given": pgettext_lazy("change", "gave out a link to set a password"),
    "staff.unlocked": pgettext_lazy("change", "unlocked the account"),
    "staff.sessions_ended": pgettext_lazy("change", "ended sessions"),
    "post.asked": pgettext_lazy("change", "asked for a post"),
    "post.given": pgettext_lazy("change", "gave a post"),
    "post.ended": pgettext_lazy("change", "ended a post"),
    "proposal.agreed": pgettext_lazy("change", "agreed"),
    "proposal.refused": pgettext_lazy("change", "refused"),
    "factor.asked": pgettext_lazy("change", "asked to take the second factor away"),
    "factor.reset": pgettext_lazy("change", "took the second factor away"),
    "area.made": pgettext_lazy("change", "made the area"),
    "area.changed": pgettext_lazy("change", "changed the area"),
    "calendar.made": pgettext_lazy("change", "made the calendar"),
    "calendar.changed": pgettext_lazy("change", "changed the calendar"),
    "client.made": pgettext_lazy("change", "gave a system a key"),
    "client.changed": pgettext_lazy("change", "changed a system's key"),
    "house.changed": pgettext_lazy("change", "changed the rules of the house"),
    "bulletin.made": pgettext_lazy("change", "wrote a notice to staff"),
    "bulletin.changed": pgettext_lazy("change", "changed a notice to staff"),
    "flow.published": pgettext_lazy("change", "published the flow"),
    "article.made": pgettext_lazy("change", "began the article"),
    "article.published": pgettext_lazy("change", "published the article"),
    "article.withdrawn": pgettext_lazy("change", "withdrew the article"),
    "call.called_back": pgettext_lazy("change", "had the caller called back"),
    "criterion.made": pgettext_lazy("change", "made a line of the score form"),
    "criterion.changed": pgettext_lazy("change", "changed a line of the score form"),
    "line.made": pgettext_lazy("change", "made the number"),
    "line.changed": pgettext_lazy("change", "changed the number"),
    "prompt.recorded": pgettext_lazy("change", "recorded what is said"),
    "prompt.removed": pgettext_lazy("change", "gave words back to the machine's voice"),
    "voicemessage.assigned": pgettext_lazy("change", "said who works on the message"),
    "voicemessage.heard": pgettext_lazy("change", "listened to the message"),
    "voicemessage.number_seen": pgettext_lazy("change", "looked at the caller's number"),
    "owed.number_seen": pgettext_lazy("change", "looked at the caller's number"),
    "owed.done": pgettext_lazy("change", "was done with the call that we owed"),
    "voicemessage.done": pgettext_lazy("change", "was done with the message"),
    "enquiry.made": pgettext_lazy("change", "made the enquiry"),
    "enquiry.changed": pgettext_lazy("change", "changed the enquiry"),
    "idea.made": pgettext_lazy("change", "handed in an idea"),
    "idea.changed": pgettext_lazy("change", "said what becomes of an idea"),
    "topic.made": pgettext_lazy("change", "made the topic of alerts"),
    "topic.changed": pgettext_lazy("change", "changed the topic of alerts"),
    "dataset.made": pgettext_lazy("change", "made the data set"),
    "dataset.changed": pgettext_lazy("change", "changed the data set"),
    "dataset.loaded": pgettext_lazy("change", "loaded rows into the data set"),
    "edition.made": pgettext_lazy("change", "began a draft of the catalogue"),
    "edition.changed": pgettext_lazy("change", "changed a draft of the catalogue"),
    "edition.published": pgettext_lazy("change", "published the catalogue"),
    "person.changed": pgettext_lazy("change", "changed a requester's record"),
    "person.number_asked": pgettext_lazy("change", "sent a code to a number"),
    "person.number_confirmed": pgettext_lazy("change", "heard the right code from a number"),
    "subscription.stopped": pgettext_lazy("change", "changed a requester's record"),
    "subscription.wanted_again": pgettext_lazy("change", "changed a requester's record"),
    "template.changed": pgettext_lazy("change", "changed the words of a message"),
    "operator.made": pgettext_lazy("change", "made the operator of SMS"),
    "operator.changed": pgettext_lazy("change", "changed the operator of SMS"),
    "bind.made": pgettext_lazy("change", "made a connection to an operator"),
    "bind.changed": pgettext_lazy("change", "changed a connection to an operator"),
    "sms.client.made": pgettext_lazy("change", "let a system send SMS"),
    "sms.client.changed": pgettext_lazy("change", "changed a system that sends SMS"),
    "sms.key.made": pgettext_lazy("change", "gave a system a key for SMS"),
    "sms.key.changed": pgettext_lazy("change", "revoked a key for SMS"),
    "sms.login.made": pgettext_lazy("change", "gave a system a login over SMPP"),
    "sms.login.changed": pgettext_lazy("change", "shut or opened a login over SMPP"),
    "sms.webhook.made": pgettext_lazy("change", "gave a system's address that is called"),
    "sms.webhook.changed": pgettext_lazy("change", "switched a system's address that is called"),
    "route.made": pgettext_lazy("change", "made the route of SMS"),
    "route.changed": pgettext_lazy("change", "changed the route of SMS"),
    "klassrule.made": pgettext_lazy("change", "changed the rules of a class of SMS"),
    "klassrule.changed": pgettext_lazy("change", "changed the rules of a class of SMS"),
    "ported.taken": pgettext_lazy("change", "took over a list of ported numbers"),
    "client.held": pgettext_lazy("change", "held the texts of"),
    "client.released": pgettext_lazy("change", "let the texts go of"),
    "client.texts_cancelled": pgettext_lazy("change", "took back the waiting texts of"),
    "text.sent_again": pgettext_lazy("change", "sent a doubtful text again"),
    "text.left": pgettext_lazy("change", "left a doubtful text as it is"),
    "text.read": pgettext_lazy("change", "read a text and its number"),
    "group.made": pgettext_lazy("change", "made the group"),
    "group.changed": pgettext_lazy("change", "changed the group"),
    "group.loaded": pgettext_lazy("change", "took people over into the group"),
    "campaign.made": pgettext_lazy("change", "began a message to many"),
    "campaign.changed": pgettext_lazy("change", "changed a message to many"),
    "campaign.loaded": pgettext_lazy("change", "took over a file of words for each person"),
    "campaign.asked": pgettext_lazy("change", "asked to approve a message to many"),
    "campaign.sent": pgettext_lazy("change", "sent a message to many"),
    "campaign.approved": pgettext_lazy("change", "approved a message to many"),
    "campaign.sent_back": pgettext_lazy("change", "made a draft of a message to many again"),
    "campaign.stopped": pgettext_lazy("change", "stopped a message to many"),
    "campaign.exported": pgettext_lazy("change", "took away who got a message to many"),
    "queue.made": pgettext_lazy("change", "made the queue of the telephone"),
    "queue.changed": pgettext_lazy("change", "changed the queue of the telephone"),
    "profile.made": pgettext_lazy("change", "made somebody an agent of the telephone"),
    "profile.changed": pgettext_lazy("change", "changed the agent of the telephone"),
    "profile.removed": pgettext_lazy("change", "took the telephone away from"),
    "breakreason.made": pgettext_lazy("change", "made the reason of a break"),
    "breakreason.changed": pgettext_lazy("change", "changed the reason of a break"),
    "trunk.made": pgettext_lazy("change", "made the carrier of calls"),
    "trunk.changed": pgettext_lazy("change", "changed the carrier of calls"),
    "call.number_seen": pgettext_lazy("change", "looked at the number of a call"),
}
COLUMNS: Mapping[str, str | Promise] = {
    "code": gettext_lazy("Code"),
    "kind": gettext_lazy("Kind"),
    "names": gettext_lazy("Name"),
    "name": gettext_lazy("Name"),
    "mail": gettext_lazy("E-mail"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Telephone"),
    "language": gettext_lazy("Language"),
    "parent_id": gettext_lazy("Lies below"),
    "calendar_id": gettext_lazy("Working hours"),
    "delivery": gettext_lazy("Gets its orders by"),
    "active": gettext_lazy("Active"),
    "is_active": gettext_lazy("Active"),
    "merged_into_id": gettext_lazy("Merged into"),
    "role": gettext_lazy("Role"),
    "unit_id": gettext_lazy("Unit"),
    "area_id": gettext_lazy("Area"),
    "staff_id": gettext_lazy("Person"),
    "since": gettext_lazy("Since"),
    "until": gettext_lazy("Until"),
    "given_by_id": gettext_lazy("Given by"),
    "agreed_by_id": gettext_lazy("Agreed by"),
    "words": gettext_lazy("Reason"),
    "trusted": gettext_lazy("Trusted"),
    "locked_until": gettext_lazy("Locked until"),
    "weekly": gettext_lazy("Usual hours"),
    "ramadan_weekly": gettext_lazy("In Ramadan"),
    "exceptions": gettext_lazy("Exceptional days"),
    "timezone": gettext_lazy("Time zone"),
    "country": gettext_lazy("Public holidays of"),
    "media": gettext_lazy("Files taken"),
    "second_factor": gettext_lazy("Second factor needed"),
    "body": gettext_lazy("Text"),
    "subject": gettext_lazy("Subject"),
    "note": gettext_lazy("What it is for"),
    "number": gettext_lazy("Edition"),
    "sensitive": gettext_lazy("Sensitive"),
    "channel": gettext_lazy("Wants to be told by"),
    "effective_from": gettext_lazy("In force from"),
    "sheet": gettext_lazy("Sheet"),
    "reason": gettext_lazy("Reason"),
    "on": gettext_lazy("Switched on"),
    "held": gettext_lazy("Held"),
    "texts": gettext_lazy("Texts"),
    "prefixes": gettext_lazy("Beginnings of numbers"),
    "per_s": gettext_lazy("Parts a second"),
    "window": gettext_lazy("Window"),
    "cost": gettext_lazy("Cost of a part"),
    "host": gettext_lazy("Host"),
    "port": gettext_lazy("Port"),
    "system_id": gettext_lazy("System id"),
    "password": gettext_lazy("Password"),
    "place": gettext_lazy("Place in the order"),
    "operators": gettext_lazy("Operators"),
    "klasses": gettext_lazy("Classes"),
    "senders": gettext_lazy("Senders"),
    "worth_min": gettext_lazy("Worth sending, minutes"),
    "quiet_from": gettext_lazy("Quiet from"),
    "quiet_until": gettext_lazy("Quiet until"),
    "repeat": gettext_lazy("Sent again when in doubt"),
    "state": gettext_lazy("State"),
    "people": gettext_lazy("People"),
    "remark": gettext_lazy("Reason"),
    "added": gettext_lazy("New"),
    "altered": gettext_lazy("Changed"),
    "new": gettext_lazy("New"),
    "moved": gettext_lazy("Changed"),
    "removed": gettext_lazy("Taken out"),
    "fields": gettext_lazy("What is asked"),
    "who": gettext_lazy("Who may ask"),
    "source": gettext_lazy("Source"),
    "data_set_id": gettext_lazy("Data set"),
    "settings": gettext_lazy("Connector"),
    "secret": gettext_lazy("Password or key"),
    "replies": gettext_lazy("Replies"),
    "columns": gettext_lazy("Columns"),
    "key": gettext_lazy("A row is found by"),
    "owner_column": gettext_lazy("Column of the owner's telephone number"),
    "pin_column": gettext_lazy("Column of the PIN"),
    "rows_count": gettext_lazy("Rows"),
    "loaded_at": gettext_lazy("Loaded"),
}
_INSTANTS = frozenset({"since", "until", "locked_until", "effective_from", "loaded_at", "secret"})
_ROLES: Mapping[str, Any] = dict(Post.Role.choices)
_REFERS: Mapping[str, type[Any]] = {
    "parent_id": Unit,
    "unit_id": Unit,
    "merged_into_id": Unit,
    "area_id": Area,
    "calendar_id": Calendar,
    "staff_id": Staff,
    "given_by_id": Staff,
    "agreed_by_id": Staff,
    "data_set_id": DataSet,
}
_KINDS: Mapping[str, type[Any]] = {
    "unit": Unit,
    "staff": Staff,
    "post": Post,
    "proposal": Proposal,
    "area": Area,
    "calendar": Calendar,
    "client": Client,
    "operator": Operator,
    "bind": Bind,
    "route": Route,
    "klassrule": KlassRule,
    "bulletin": Bulletin,
    "edition": Edition,
    "template": Template,
    "enquiry": Enquiry,
    "dataset": DataSet,
    "group": Group,
    "campaign": Campaign,
    "queue": Queue,
    "profile": Profile,
    "breakreason": BreakReason,
    "trunk": Trunk,
    "call": Call,
}
_CHOICES: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("unit", "kind"): dict(Unit.Kind.choices),
    ("group", "kind"): dict(Group.Kind.choices),
    ("campaign", "kind"): dict(Campaign.Kind.choices),
    ("campaign", "state"): dict(Campaign.State.choices),
    ("unit", "delivery"): dict(Unit.Delivery.choices),
    ("post", "role"): dict(Post.Role.choices),
    ("enquiry", "who"): dict(Enquiry.Who.choices),
    ("enquiry", "source"): dict(Enquiry.Source.choices),
    ("proposal", "role"): dict(Post.Role.choices),
}


# What a message tells, as the end of a sentence: "he was told …", "he does not know …".
EVENT_WORDS: Mapping[str, str | Promise] = {
    "received": gettext_lazy("that we have his request"),
    "registered": gettext_lazy("that it is registered"),
    "asked": gettext_lazy("a question of ours"),
    "answered": gettext_lazy("the answer"),
    "refused": gettext_lazy("that it is not accepted, and why"),
    "joined": gettext_lazy("that it was joined to another"),
    "dispatched": gettext_lazy("which unit has it"),
    "reclassified": gettext_lazy("that it was classed anew"),
    "redone": gettext_lazy("that it is done again"),
    "extended": gettext_lazy("that it takes longer"),
    "suspended": gettext_lazy("that it waits, and why"),
    "resumed": gettext_lazy("that it goes on"),
    "interim": gettext_lazy("an interim reply"),
    "told": gettext_lazy("the result, and whether it is solved"),
    "reminder": gettext_lazy("a reminder to answer"),
    "closed": gettext_lazy("that it is closed"),
    "reopened": gettext_lazy("that it is open again"),
    "followup": gettext_lazy("what came after"),
    "link": gettext_lazy("a code to show who he is"),
    "staff_invited": gettext_lazy("how to set a password"),
    "staff_digest": gettext_lazy("several notices at once"),
    "staff_confirm": gettext_lazy("that he confirms how he is reached"),
}


def event_words(event: str) -> str:
    """What a message of this event tells, for people."""
    return str(EVENT_WORDS.get(event) or NOTICE_WORDS.get(event) or event)


KIND_WORDS: Mapping[str, str | Promise] = {
    "unit": pgettext_lazy("set-up", "Units"),
    "staff": pgettext_lazy("set-up", "Accounts"),
    "post": pgettext_lazy("set-up", "Posts"),
    "proposal": pgettext_lazy("set-up", "To agree"),
    "area": pgettext_lazy("set-up", "Areas"),
    "calendar": pgettext_lazy("set-up", "Hours"),
    "edition": pgettext_lazy("set-up", "Catalogue"),
    "template": pgettext_lazy("set-up", "Words"),
    "house": pgettext_lazy("set-up", "House rules"),
    "bulletin": pgettext_lazy("set-up", "Notices"),
    "topic": pgettext_lazy("set-up", "Alerts"),
    "idea": pgettext_lazy("campaigns", "Ideas"),
    "client": pgettext_lazy("set-up", "Systems"),
    "operator": pgettext_lazy("set-up", "Operators of SMS"),
    "bind": pgettext_lazy("set-up", "Connections to operators"),
    "route": pgettext_lazy("set-up", "Routes of SMS"),
    "klassrule": pgettext_lazy("set-up", "Classes of SMS"),
    "porteddraft": pgettext_lazy("set-up", "Ported numbers"),
    "text": pgettext_lazy("set-up", "Texts"),
    "incoming": pgettext_lazy("set-up", "Texts that came in"),
    "enquiry": pgettext_lazy("set-up", "Enquiries"),
    "dataset": pgettext_lazy("set-up", "Data sets"),
    "person": pgettext_lazy("set-up", "Records of requesters"),
    "subscription": gettext_lazy("Alerts by SMS"),
    "group": pgettext_lazy("set-up", "Groups"),
    "campaign": pgettext_lazy("set-up", "Messages to many"),
    "queue": pgettext_lazy("set-up", "Queues of the telephone"),
    "profile": pgettext_lazy("set-up", "Agents of the telephone"),
    "breakreason": pgettext_lazy("set-up", "Reasons of breaks"),
    "trunk": pgettext_lazy("set-up", "Carriers of calls"),
    "call": pgettext_lazy("set-up", "Calls"),
}


@dataclass(frozen=True)
class Told:
    """One change for people: `what` it was done to, and each column with what stood there and what stands there."""

    at: datetime
    by: Staff
    verb: str | Promise
    what: str
    cells: list[tuple[str, str, str]]
    pk: int


def changes_of(rows: QuerySet[Audit], most: int = 20) -> list[Told]:
    """The latest of these changes in words."""
    return told(rows.select_related("by").order_by("-at", "-pk")[:most])


def told(rows: Iterable[Audit]) -> list[Told]:
    """Each change in words; names are looked up once for all of them."""
    known: dict[tuple[str, int], str] = {}

    def name(model: type[Any], pk: int) -> str:
        key = (model.__name__, pk)
        if key not in known:
            known[key] = _name(model, pk)
        return known[key]

    return [
        Told(
            row.at,
            row.by,
            VERBS.get(row.verb, row.verb),
            name(_KINDS[row.kind], row.row) if row.kind in _KINDS else "",
            [
                (str(COLUMNS[column]), _value(row.kind, column, row.before.get(column), name),
                 _value(row.kind, column, row.after.get(column), name))
                for column in COLUMNS
                if row.before.get(column) or row.after.get(column)
            ],
            row.pk,
        )
        for row in rows
    ]  # fmt: skip


def _name(model: type[Any], pk: int) -> str:
    # Systems that send requests and clients of the gateway are both called client; ids name one thing in the house.
    models = (Client, SmsClient) if model is Client else (model,)
    row = next((found for one in models if (found := one.objects.filter(pk=pk).first())), None)
    return str(row) if row is not None else ""


def _value(kind: str, column: str, value: Any, name: Any) -> str:
    if value is None or value == "" or value == [] or value == {}:
        return ""
    if column == "sheet":
        return str(SHEET_WORDS.get(value, value))
    if column == "second_factor":
        return ", ".join(str(_ROLES.get(role, role)) for role in value)
    if column == "media":
        return "; ".join(
            f"{name}: {most if name == 'files' else f'{most // MEGABYTE} MB'}" for name, most in value.items()
        )
    if column in _REFERS:
        return str(name(_REFERS[column], int(value)))
    if (kind, column) in _CHOICES:
        return str(_CHOICES[kind, column].get(value, value))
    if value is True or value is False:
        return _("yes") if value else _("no")
    if column == "names":
        return local(value)
    if column in _INSTANTS and (at := parse_datetime(str(value))):
        return str(near(at, clock.now()))
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_plain(one)}" for key, one in value.items())
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " / ".join(_plain(one) for one in value.values() if one)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, list):
        return " ".join("-".join(one) if isinstance(one, list) else str(one) for one in value)
    return str(value)
