"""The forms of what administrators set of the telephone; what is kept of them goes through `services.calls.setting`."""

import ipaddress
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from wasl.channels.voice.certificate import are_certificates
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Area, Staff
from wasl.faces.desk.sms.forms import ListField
from wasl.kernel import phone
from wasl.kernel.names import LANGUAGES, OWN_NAMES
from wasl.services.calls.models import BreakReason, Profile, Queue, Trunk

if TYPE_CHECKING:
    _OfQueue: TypeAlias = forms.ModelForm[Queue]
    _OfProfile: TypeAlias = forms.ModelForm[Profile]
    _OfReason: TypeAlias = forms.ModelForm[BreakReason]
    _OfTrunk: TypeAlias = forms.ModelForm[Trunk]
else:
    # Django's class knows no brackets when it runs.
    _OfQueue = _OfProfile = _OfReason = _OfTrunk = forms.ModelForm

_BROWSERS = ipaddress.IPv4Address("127.0.0.1")
"""Where the telephones in browsers come from: a carrier of this address would be all of them."""
_TAKEN = frozenset({"global", "udp", "tcp", "tls", "ws", "authentication", "general", "agents"})
_LTR = {"dir": "ltr", "autocomplete": "off"}


def _keep_code(form: "forms.ModelForm[Any]") -> None:
    """A code is given once: seats, flows and Asterisk know the row by it."""
    form.fields["code"].disabled = not form.instance._state.adding


class NamesForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class knows no brackets when it runs
    """A row with a name in each language."""

    name_ar = forms.CharField(label=_("Name in Arabic"), max_length=80, required=False)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _keep_code(self)
        for language in LANGUAGES:
            self.fields[f"name_{language}"].initial = self.instance.names.get(language, "")

    def clean(self) -> dict[str, Any]:
        """At least one name."""
        given = super().clean() or self.cleaned_data
        names = {language: str(given.get(f"name_{language}", "")).strip() for language in LANGUAGES}
        if not any(names.values()):
            self.add_error("name_ar", _g("A name is needed in at least one language."))
        self.instance.names = names
        return given


class QueueForm(NamesForm):
    """Where callers wait, and how the rules relax."""

    class Meta:
        model = Queue
        fields = (
            "code", "target_s", "ring_s", "wrap_up_s", "head_start_s", "area_s", "language_s", "longest_s", "most",
        )  # fmt: skip
        labels = {
            "code": _("Code"),
            "target_s": _("To be answered within, seconds"),
            "ring_s": _("A seat rings for, seconds"),
            "wrap_up_s": _("Wrap-up, seconds"),
            "head_start_s": _("Goes before others by, seconds"),
            "area_s": _("Agents of any area from, seconds"),
            "language_s": _("Agents of any language from, seconds"),
            "longest_s": _("To the mailbox after, seconds"),
            "most": _("Callers who may wait"),
        }
        help_texts = {
            "target_s": _("The T of the service level. GB/T 33358 asks for 15."),
            "head_start_s": _("Counted as if each caller had come so much earlier."),
            "area_s": _("Until then only agents who serve the caller's area are rung."),
            "language_s": _("Until then only agents who speak the caller's language are rung."),
            "most": _("Whoever comes then can leave a message."),
        }
        widgets = {"code": forms.TextInput(attrs=_LTR)}


class ProfileForm(_OfProfile):
    """What an agent can take, and where his telephone is."""

    languages = forms.MultipleChoiceField(
        label=_("Languages"), choices=[*OWN_NAMES.items()], widget=forms.CheckboxSelectMultiple
    )
    queues = forms.MultipleChoiceField(label=_("Queues"), widget=forms.CheckboxSelectMultiple)
    areas = forms.MultipleChoiceField(
        label=_("Areas"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("With all that lie within them. None chosen: all areas."),
    )

    class Meta:
        model = Profile
        fields = ("staff", "languages", "queues", "areas", "topics", "phone", "auto_answer")
        labels = {
            "staff": _("Member of staff"),
            "topics": _("Asked as an expert about"),
            "phone": _("A telephone instead of the browser"),
            "auto_answer": _("Calls are answered by themselves, after a tone"),
        }
        help_texts = {
            "topics": _("Words that colleagues will look for, as building permits, noise. Empty: no expert."),
            "phone": _("As a number that we can dial. Empty: he answers in the browser."),
        }
        widgets = {"topics": forms.TextInput, "phone": forms.TextInput(attrs={**_LTR, "inputmode": "tel"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["queues"].choices = [(one.code, str(one)) for one in Queue.objects.order_by("pk")]  # type: ignore[attr-defined]  # a ChoiceField
        areas = Area.objects.filter(parent__isnull=True) if self._deep() else Area.objects.all()
        self.fields["areas"].choices = [(str(one.pk), str(one)) for one in sorted(areas, key=str)]  # type: ignore[attr-defined]  # a ChoiceField
        self.initial["areas"] = [str(pk) for pk in self.instance.areas]
        if not self.instance._state.adding:
            del self.fields["staff"]
        else:
            self.fields["staff"].choices = [("", "—"), *((s.pk, str(s)) for s in self._without())]  # type: ignore[attr-defined]  # a ChoiceField

    @staticmethod
    def _deep() -> bool:
        """Whether there are so many areas that only the topmost are offered."""
        return Area.objects.count() > 40

    @staticmethod
    def _without() -> list[Staff]:
        known = Staff.objects.filter(is_active=True, phone_profile__isnull=True).distinct().order_by("pk")
        return [one for one in known if rights.may(one, "phone.answer")]

    def clean_areas(self) -> list[int]:
        """With all that lie within."""
        chosen = Area.objects.filter(pk__in=[int(pk) for pk in self.cleaned_data["areas"]])
        # Kept flat: a caller's area is the smallest one that is known.
        return sorted(organisation.with_inner(chosen))

    def clean_phone(self) -> str:
        """A number that can be called, also a short one of the house; none that costs, as each call would."""
        given, region = str(self.cleaned_data["phone"]).strip(), organisation.the_city().region
        found = phone.normalise(given, region) if given else ""
        if found is None:
            raise forms.ValidationError(_g("This is no telephone number."))
        if found and not (phone.is_short_code(found) or phone.is_ordinary(found, region)):
            raise forms.ValidationError(
                _g("This number is abroad, or costs more than a call: it is not rung from here.")
            )
        return found


class BreakForm(NamesForm):
    """Why a seat takes no calls for a while."""

    class Meta:
        model = BreakReason
        fields = ("code", "longest_min", "on")
        labels = {"code": _("Code"), "longest_min": _("At most, minutes"), "on": _("Can be chosen")}
        widgets = {"code": forms.TextInput(attrs=_LTR)}


class TrunkForm(_OfTrunk):
    """A carrier: how he is reached, how he knows us, and how we know him."""

    match = ListField(
        label=_("His calls come from"),
        help_text=_(
            "Addresses or networks, as 203.0.113.7 or 203.0.113.0/28. Not needed where we sign in: he calls back the"
            " way we came."
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=128,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("It is kept sealed and never shown. Empty: as it is."),
    )

    class Meta:
        model = Trunk
        fields = (
            "code", "name", "host", "port", "transport", "encrypted", "certificate", "match", "username", "password",
            "register", "on",
        )  # fmt: skip
        labels = {
            "code": _("Code"),
            "name": _("Name"),
            "host": _("Host"),
            "port": _("Port"),
            "transport": _("SIP goes over"),
            "encrypted": _("Speech is encrypted too (SRTP)"),
            "certificate": _("Certificate of his authority"),
            "username": _("User name"),
            "register": _("We sign in with him (registration)"),
            "on": _("Switched on"),
        }
        help_texts = {
            "port": _("Usually 5060, and 5061 over TLS."),
            "transport": _("TLS keeps the numbers of callers from who listens on the way."),
            "encrypted": _("Only over TLS. Calls without encryption are refused then."),
            "certificate": _("In PEM, only where no public authority has signed his. Others are known already."),
            "username": _("As his contract names it, where he asks for one when we call or sign in."),
            "register": _("For carriers who do not know us by a fixed address. Needs user name and password."),
        }
        widgets = {
            **{name: forms.TextInput(attrs=_LTR) for name in ("code", "host", "username")},
            "certificate": forms.Textarea(attrs={**_LTR, "rows": 4, "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _keep_code(self)

    def clean_code(self) -> str:
        """None that Asterisk or a browser's seat bears already."""
        code = str(self.cleaned_data["code"])
        if code.startswith("seat") or code in _TAKEN:
            raise forms.ValidationError(_g("Choose another code: the telephone itself uses this one."))
        return code

    def clean_match(self) -> list[str]:
        """Addresses, for whoever calls from one of them is let in without a password. Never everybody."""
        found: list[str] = self.cleaned_data["match"]
        for one in found:
            try:
                network = ipaddress.ip_network(one, strict=False)
            except ValueError as error:
                raise forms.ValidationError(_g("%(text)s is no address.") % {"text": one[:40]}) from error
            if "%" in one or "::ffff:" in one.lower() or (network.version == 4 and _BROWSERS in network):
                raise forms.ValidationError(_g("No carrier calls from %(text)s.") % {"text": one[:40]})
            if network.prefixlen < (16 if network.version == 4 else 32):
                raise forms.ValidationError(_g("%(text)s is too wide: half the world could call.") % {"text": one[:40]})
        return found

    def clean_username(self) -> str:
        """What may stand before the @ of a SIP address."""
        name = str(self.cleaned_data["username"]).strip()
        if not all(c.isascii() and (c.isalnum() or c in "+-._~") for c in name):
            raise forms.ValidationError(_g("Letters, digits and + - . _ ~ only, without the host."))
        return name

    def clean_password(self) -> str:
        """Nothing that ends a line of a configuration."""
        password = str(self.cleaned_data["password"])
        if not password.isprintable():
            raise forms.ValidationError(_g("There are signs in it that nobody can type."))
        return password

    def clean_certificate(self) -> str:
        """Certificates, and never a key by mistake."""
        text = str(self.cleaned_data["certificate"]).replace("\r\n", "\n").strip()
        if text and not are_certificates(text):
            raise forms.ValidationError(_g("This is no certificate in PEM, or more than certificates."))
        return text

    def clean(self) -> dict[str, Any]:
        """What goes together."""
        given = super().clean() or self.cleaned_data
        has_password = bool(given.get("password") or self.instance.password_sealed)
        if given.get("register") and not (given.get("username") and has_password):
            self.add_error("register", _g("To sign in, a user name and a password are needed."))
        if given.get("encrypted") and given.get("transport") != Trunk.Transport.TLS:
            self.add_error("encrypted", _g("Only over TLS: else everybody on the way could read the key."))
        if not given.get("match") and not given.get("register") and "match" not in self.errors:
            self.add_error("match", _g("Without an address every call would be refused."))
        return given

    def clean_host(self) -> str:
        """A name or an address, nothing that ends a line of a configuration."""
        host = str(self.cleaned_data["host"]).strip()
        if not host or not all(c.isascii() and (c.isalnum() or c in ".:-") for c in host):
            raise forms.ValidationError(_g("A host name or an address, as sip.example or 203.0.113.7."))
        return host
