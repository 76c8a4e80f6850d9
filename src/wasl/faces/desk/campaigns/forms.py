"""Forms of groups, files of people and campaigns; what they mean is decided by the actions they are handed to."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.organisation.models import Staff
from wasl.kernel.names import LANGUAGES
from wasl.services.campaigns import actions, queries
from wasl.services.campaigns.models import Campaign, Group
from wasl.services.subscriptions.models import Topic
from wasl.services.texts.models import Klass

_WORDS = {"ar": _("Text in Arabic"), "en": _("Text in English"), "zh": _("Text in Chinese")}


def _unit_choices(staff: Staff) -> list[tuple[str, str]]:
    units = queries.units_of(staff)
    top = min((unit.path.count("/") for unit in units), default=0)
    return [(str(unit.pk), "\u2003" * (unit.path.count("/") - top) + str(unit)) for unit in units]


class GroupForm(forms.Form):
    """A group; what it is and whose is chosen once."""

    name = forms.CharField(label=_("Name"), max_length=80)
    unit = forms.ChoiceField(label=_("Unit"))
    kind = forms.ChoiceField(label=_("Who is in it"), choices=Group.Kind.choices, widget=forms.RadioSelect)
    topic = forms.ModelChoiceField(
        label=_("Topic"), queryset=Topic.objects.filter(on=True), required=False, empty_label="—"
    )
    on = forms.BooleanField(label=_("It may be written to"), required=False)

    def __init__(self, *args: Any, by: Staff, held: Group | None, centre: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if held is not None:
            del self.fields["unit"], self.fields["kind"], self.fields["topic"]
            return
        del self.fields["on"]
        self.fields["unit"].choices = _unit_choices(by)  # type: ignore[attr-defined]  # a ChoiceField
        if not centre:
            del self.fields["topic"]
            own = [one for one in Group.Kind.choices if one[0] != Group.Kind.SUBSCRIBERS]
            self.fields["kind"].choices = own  # type: ignore[attr-defined]  # as above


class UploadForm(forms.Form):
    """A file of people for a list."""

    file = forms.FileField(
        label=_("CSV (UTF-8) or XLSX"),
        help_text=_("The first row names the columns: number, name, language. Only the number is needed."),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx"}),
    )
    whole = forms.ChoiceField(
        label=_("What becomes of the people in the list"),
        choices=[("add", _("They stay; the file adds to them")), ("all", _("Who is not in the file is taken out"))],
        initial="add",
        widget=forms.RadioSelect,
    )


class SecretUploadForm(forms.Form):
    """A file with words for each person."""

    file = forms.FileField(
        label=_("CSV (UTF-8) or XLSX"),
        help_text=_("The first row names the columns: number, name, words. Nobody can read the words afterwards."),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx"}),
    )


class CampaignForm(forms.Form):
    """One message to many."""

    name = forms.CharField(
        label=pgettext_lazy("campaign", "Name"),
        max_length=80,
        help_text=_("For you and your colleagues; it is not sent."),
    )
    kind = forms.ChoiceField(label=pgettext_lazy("campaign", "What it is"), choices=Campaign.Kind.choices)
    unit = forms.ChoiceField(label=_("In the name of"))
    groups = forms.ModelMultipleChoiceField(
        label=_("To whom"), queryset=Group.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    klass = forms.TypedChoiceField(
        label=pgettext_lazy("text", "Class"), choices=Campaign.CLASSES, coerce=int, required=False,
        empty_value="", help_text=_("An emergency goes at once and before all else."),
    )  # fmt: skip
    not_before = forms.DateTimeField(
        label=_("Not before"), required=False, help_text=_("Empty: as soon as it may go."),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    ask_again_min = forms.IntegerField(
        label=_("Minutes to answer"), min_value=2, max_value=1440, initial=15, required=False
    )
    above = forms.ModelChoiceField(
        label=_("Then tell"), queryset=Group.objects.none(), required=False, empty_label="—",
        help_text=_("They get the names of those who have not answered 1 by then."),
    )  # fmt: skip

    def __init__(self, *args: Any, by: Staff, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = queries.groups_of(by).filter(on=True).order_by("unit__path", "name")
        for name in ("groups", "above"):
            self.fields[name].queryset = groups  # type: ignore[attr-defined]  # choices of a model
        self.units = {str(unit.pk): unit for unit in queries.units_of(by)}
        self.fields["unit"].choices = _unit_choices(by)  # type: ignore[attr-defined]  # a ChoiceField
        for language in LANGUAGES:
            self.fields[f"words_{language}"] = forms.CharField(
                label=_WORDS[language], max_length=actions.LONGEST_WORDS, required=False, strip=False,
                widget=forms.Textarea(
                    attrs={"rows": 5, "lang": language, "dir": "rtl" if language == "ar" else "ltr"}
                ),
            )  # fmt: skip

    def words(self) -> dict[str, str]:
        """The words by language."""
        return {language: self.cleaned_data.get(f"words_{language}") or "" for language in LANGUAGES}

    def facts(self) -> actions.CampaignFacts:
        """What was written, for the actions."""
        g = self.cleaned_data
        return actions.CampaignFacts(
            unit=self.units[g["unit"]],
            kind=g["kind"],
            name=g["name"],
            words=self.words(),
            groups=list(g["groups"]) if g["kind"] != Campaign.Kind.SALARY else [],
            klass=g["klass"] or Klass.BULK,
            not_before=g["not_before"],
            ask_again_min=g["ask_again_min"] or 15,
            above=g["above"],
        )


def initial_of(held: Campaign) -> dict[str, Any]:
    """What the form of a draft begins with."""
    words = queries.words_of(held)
    return {
        "name": held.name,
        "kind": held.kind,
        "unit": str(held.unit_id),
        "groups": [one.pk for one in held.groups.all()],
        "klass": held.klass,
        "not_before": held.not_before,
        "ask_again_min": held.ask_again_min,
        "above": held.above_id,
        **{f"words_{language}": words[language] for language in LANGUAGES},
    }


class RemarkForm(forms.Form):
    """Why a message is sent back or stopped."""

    remark = forms.CharField(label=pgettext_lazy("campaign", "Why"), max_length=300, required=False)
