"""The page of set-up that says how the mail address of each unit is written to."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff, Unit
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.page import RIGHT, draw
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import OWN_NAMES
from wasl.services.messages import notices


class MailboxForm(forms.Form):
    """Language and minutes of one unit."""

    language = forms.ChoiceField(choices=[*OWN_NAMES.items()])
    gather_min = forms.CharField(max_length=6)

    def clean_gather_min(self) -> int:
        """Minutes in digits of any script."""
        text = to_ascii_digits(str(self.cleaned_data["gather_min"])).strip()
        if not text.isdecimal() or int(text) > notices.MOST_GATHER_MIN:
            raise forms.ValidationError(
                _("Write a number of minutes from 0 to %(most)s.") % {"most": notices.MOST_GATHER_MIN}
            )
        return int(text)


@desk(right=RIGHT, methods=("GET", "HEAD", "POST"))
def mailboxes(request: HttpRequest, staff: Staff) -> HttpResponse:
    """How the mail address of each unit is written to: language, and how long its notices are gathered."""
    form: MailboxForm | None = None
    if request.method == "POST":
        form = MailboxForm(request.POST)
        chosen = request.POST.get("unit", "")
        unit = Unit.objects.filter(pk=int(chosen)).first() if chosen.isdecimal() and len(chosen) < 19 else None
        if unit is None:
            raise Http404
        if form.is_valid():
            notices.set_mailbox(
                unit, by=staff, language=form.cleaned_data["language"], gather_min=form.cleaned_data["gather_min"]
            )
            messages.success(request, _("Kept: %(unit)s.") % {"unit": unit})
            return redirect(f"{reverse('desk:mailboxes')}#unit-{unit.pk}")
    units = [u for u in organisation.units().values() if u.active and u.mail and rights.covers(staff, u)]
    rows = [
        {
            "unit": u,
            "box": notices.mailbox_of(u.pk),
            "wrong": form if form and str(u.pk) == request.POST["unit"] else None,
        }
        for u in sorted(units, key=str)
    ]
    status = 422 if form is not None else 200
    return draw(request, staff, "mailboxes", "mailboxes", rows=rows, languages=[*OWN_NAMES.items()], status=status)
