"""The forms of what administrators set of the gateway; what is kept of them goes through `services.texts.setting`."""

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.organisation import queries as organisation
from wasl.kernel import phone
from wasl.kernel.digits import to_ascii_digits
from wasl.services.campaigns import clients
from wasl.services.exchange.models import Scope
from wasl.services.texts.models import Bind, Client, Klass, KlassRule, Operator, Route

if TYPE_CHECKING:
    _OfOperator: TypeAlias = forms.ModelForm[Operator]
    _OfBind: TypeAlias = forms.ModelForm[Bind]
    _OfRoute: TypeAlias = forms.ModelForm[Route]
    _OfRule: TypeAlias = forms.ModelForm[KlassRule]
    _OfClient: TypeAlias = forms.ModelForm[Client]
else:
    # Django's class knows no brackets when it runs.
    _OfOperator = _OfBind = _OfRoute = _OfRule = _OfClient = forms.ModelForm

_LTR = {"dir": "ltr", "autocomplete": "off"}
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,255}")


class ListField(forms.CharField):
    """Several short words in one line, parted by blanks or commas."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=500, widget=forms.TextInput(attrs=_LTR), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """A list as it is written."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """The list, each once."""
        return list(dict.fromkeys(re.split(r"[\s,،]+", super().clean(value).strip(" ,،")))) if value else []


class PrefixesField(ListField):
    """Beginnings of telephone numbers, with the plus."""

    def clean(self, value: Any) -> Any:
        """In ASCII digits, with a plus before each."""
        found = [f"+{to_ascii_digits(one).lstrip('+')}" for one in super().clean(value)]
        wrong = next((one for one in found if not _PREFIX.fullmatch(one)), None)
        if wrong:
            raise forms.ValidationError(_g("%(prefix)s is no beginning of a number.") % {"prefix": wrong[:20]})
        return found


class OperatorForm(_OfOperator):
    """How an operator wants to be spoken to."""

    prefixes = PrefixesField(label=_("His numbers begin with"), help_text=_("As +96892, +96897; parted by commas."))

    class Meta:
        model = Operator
        fields = (
            "code", "name", "prefixes", "per_s", "window", "cost", "alphabet", "long_way", "response_ids",
            "receipt_ids", "trust_text",
        )  # fmt: skip
        labels = {
            "code": _("Code"),
            "name": _("Name"),
            "per_s": _("Parts a second"),
            "window": _("Window"),
            "cost": _("Cost of a part"),
            "alphabet": _("His default alphabet"),
            "long_way": _("Long texts go with"),
            "response_ids": _("Ids in his answers"),
            "receipt_ids": _("Ids in his receipts"),
            "trust_text": _("He does not mark receipts: believe texts that look like one"),
        }
        widgets = {"code": forms.TextInput(attrs=_LTR)}


class BindForm(_OfBind):
    """One connection."""

    password = forms.CharField(
        label=_("Password"),
        max_length=64,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("It is kept sealed and never shown. Empty: as it is."),
    )

    class Meta:
        model = Bind
        fields = ("host", "port", "system_id", "password", "system_type", "way", "tls", "on")
        labels = {
            "host": _("Host"),
            "port": _("Port"),
            "system_id": _("System id"),
            "system_type": _("System type"),
            "way": _("Way"),
            "tls": _("Encrypted (TLS)"),
            "on": _("Switched on"),
        }
        widgets = {name: forms.TextInput(attrs=_LTR) for name in ("host", "system_id", "system_type")}

    def clean_host(self) -> str:
        """A name or an address, without blanks."""
        host = str(self.cleaned_data["host"]).strip()
        if not _HOST.fullmatch(host):
            raise forms.ValidationError(_g("A host name or an address, as smsc.example or 10.0.0.1."))
        return host


class RouteForm(_OfRoute):
    """Which texts, and which operators carry them, in order."""

    prefixes = PrefixesField(label=_("Only numbers that begin with"))
    senders = ListField(label=_("Only from these numbers or names of ours"))
    klasses = forms.TypedMultipleChoiceField(
        label=_("Only these classes"),
        choices=Klass.choices,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    clients = forms.TypedMultipleChoiceField(
        label=_("Only these clients"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Route
        fields = ("name", "place", "home", "prefixes", "senders", "klasses", "clients", "on")
        labels = {
            "name": _("Name"),
            "place": _("Place in the order"),
            "home": _("Only numbers of"),
            "on": _("Switched on"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        clients = [(str(c.pk), c.name) for c in Client.objects.order_by("name")]
        self.fields["clients"].choices = clients  # type: ignore[attr-defined]  # a ChoiceField
        operators = [(str(o.pk), o.name) for o in Operator.objects.order_by("name")]
        self.fields["home"].empty_label = "—"  # type: ignore[attr-defined]  # a ModelChoiceField
        held = self.instance.operators or []
        self.carriers = [f"carrier_{n}" for n in range(min(len(operators), 6))]
        for n, name in enumerate(self.carriers):
            self.fields[name] = forms.TypedChoiceField(
                label=pgettext_lazy("route", "Carried by") if n == 0 else pgettext_lazy("route", "else by"),
                choices=operators if n == 0 else [("", "—"), *operators],
                coerce=int,
                empty_value=None,
                required=n == 0,
                initial=str(held[n]) if n < len(held) else "",
            )

    def clean(self) -> dict[str, Any]:
        """The operators in their order, each once."""
        given = super().clean() or {}
        order = [given.get(name) for name in self.carriers]
        self.instance.operators = list(dict.fromkeys(pk for pk in order if pk))
        if not self.carriers:
            raise forms.ValidationError(_g("Make an operator first."))
        return given


class RuleForm(_OfRule):
    """The rules of one class."""

    class Meta:
        model = KlassRule
        fields = ("worth_min", "quiet_from", "quiet_until", "repeat")
        labels = {
            "worth_min": _("Worth sending, minutes"),
            "quiet_from": _("Quiet from"),
            "quiet_until": _("Quiet until"),
            "repeat": _("Send again when in doubt"),
        }
        widgets = {
            name: forms.TimeInput(attrs={"type": "time"}, format="%H:%M") for name in ("quiet_from", "quiet_until")
        }

    def clean(self) -> dict[str, Any]:
        """Both ends of the quiet hours, or none."""
        given = super().clean() or {}
        if (given.get("quiet_from") is None) != (given.get("quiet_until") is None):
            raise forms.ValidationError(_g("Quiet hours have a beginning and an end."))
        if given.get("worth_min") == 0:
            raise forms.ValidationError(_g("Worth sending for a minute at least."))
        return given


class TrialForm(forms.Form):
    """A text of which somebody asks where it would go."""

    number = forms.CharField(
        label=_("A text to"),
        max_length=40,
        widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "tel", "autocomplete": "off"}),
    )
    client = forms.ModelChoiceField(
        label=pgettext_lazy("trial", "handed in by"), queryset=Client.objects.order_by("name"), empty_label=None
    )
    klass = forms.TypedChoiceField(
        label=pgettext_lazy("text", "Class"), choices=Klass.choices, coerce=int, initial=Klass.CASE
    )
    sender = forms.CharField(
        label=_("From our number"), max_length=20, required=False, widget=forms.TextInput(attrs=_LTR)
    )

    def clean_number(self) -> str:
        """In E.164."""
        found = phone.normalise(self.cleaned_data["number"], organisation.the_city().region)
        if found is None:
            raise forms.ValidationError(_g("This is no telephone number."))
        return found


class PortedForm(forms.Form):
    """A list of ported numbers."""

    file = forms.FileField(
        label=_("CSV file"),
        help_text=_("A line each: number, code of the operator. Without a code the number is where its prefix says."),
    )

    def clean_file(self) -> str:
        """Its text."""
        given = self.cleaned_data["file"]
        if given.size > 10_000_000:
            raise forms.ValidationError(_g("The file is larger than 10 MB."))
        try:
            return str(given.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError(_g("The file is not in UTF-8. Save it as “CSV UTF-8”.")) from error


class ClientForm(_OfClient):
    """A system that sends through the gateway, and what it may send."""

    senders = ListField(label=_("Other senders"), help_text=_("Numbers or names that it may use; parted by commas."))
    codes = ListField(label=_("Its short codes"), help_text=_("What people text to them goes to this system alone."))

    class Meta:
        model = Client
        fields = ("code", "name", "unit", "audience", "sender", "senders", "codes", "best", "per_day", "per_min", "on")
        labels = {
            "code": _("Code"),
            "name": _("Name"),
            "unit": _("Of the unit"),
            "audience": _("Writes to"),
            "sender": _("Sender"),
            "best": _("The first class that it may send in"),
            "per_day": _("Parts a day"),
            "per_min": _("Parts a minute"),
            "on": _("Switched on"),
        }
        widgets = {name: forms.TextInput(attrs=_LTR) for name in ("code", "sender")}
        help_texts = {
            "sender": _("The number or name that its texts come from; a name has at most 11 letters."),
            "best": "",
            "per_day": _("Empty: no bound"),
            "per_min": _("Empty: no bound"),
        }

    def clean_code(self) -> str:
        """None of those that units get for their campaigns, but for such a client's own."""
        code = str(self.cleaned_data["code"])
        if code != self.initial.get("code") and clients.is_of_units(code):
            raise forms.ValidationError(_g("The clients of units have codes that begin so. Choose another one."))
        return code

    def clean_sender(self) -> str:
        """What an operator can show."""
        return _sender(self.cleaned_data["sender"])

    def clean_senders(self) -> list[str]:
        """Each of them."""
        return [_sender(one) for one in self.cleaned_data["senders"]]

    def clean_codes(self) -> list[str]:
        """Short codes, each of one client only."""
        codes = [to_ascii_digits(one) for one in self.cleaned_data["codes"]]
        for code in codes:
            if not phone.is_short_code(code):
                raise forms.ValidationError(_g("%(code)s is no short code.") % {"code": code[:20]})
            if Client.objects.filter(codes__contains=[code]).exclude(pk=self.instance.pk).exists():
                raise forms.ValidationError(_g("%(code)s belongs to another system.") % {"code": code})
        return codes


def _sender(text: str) -> str:
    plain = to_ascii_digits(text.strip())
    if not re.fullmatch(r"\+?[0-9]{3,15}|[A-Za-z0-9][A-Za-z0-9 ._-]{0,10}", plain):
        raise forms.ValidationError(_g("%(sender)s can be shown on no telephone as a sender.") % {"sender": text[:20]})
    return plain


class KeyForm(forms.Form):
    """A new key."""

    name = forms.CharField(label=_("Which system holds it"), max_length=60)
    scopes = forms.MultipleChoiceField(
        label=_("It may"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=["send", "status"]
    )
    until = forms.DateField(
        label=_("Until the end of"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: until it is revoked."),
    )


class LoginForm(forms.Form):
    """A new login over SMPP."""

    system_id = forms.CharField(label=_("System id"), max_length=15, widget=forms.TextInput(attrs=_LTR))


class WebhookForm(forms.Form):
    """A new address that is called."""

    url = forms.CharField(
        label=_("Address"), max_length=500, widget=forms.TextInput(attrs={**_LTR, "inputmode": "url"})
    )
