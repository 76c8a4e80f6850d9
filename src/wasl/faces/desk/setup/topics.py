"""Topics of alerts by SMS: the table of them with their subscribers, and their editor."""

from typing import Any

from django import forms
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.code_forms import KEYWORD_LABELS, divided
from wasl.faces.desk.setup.forms import Named, names_of
from wasl.faces.desk.setup.page import FORM, draw, found, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.kernel.names import LANGUAGES
from wasl.services.dialogue.models import ShortCode
from wasl.services.enquiries.models import DataSet
from wasl.services.subscriptions import editing
from wasl.services.subscriptions.models import Topic


class TopicForm(Named):
    """A topic: what it is called and how it is texted, and the data whose dates come near."""

    code = forms.CharField(label=_("Code"), max_length=60, widget=forms.TextInput(attrs={"dir": "ltr"}))
    data_set = forms.ModelChoiceField(
        label=_("Data set with the dates"), queryset=DataSet.objects.order_by("code"), required=False,
        empty_label=_("none: news that somebody writes"),
    )  # fmt: skip
    date_column = forms.CharField(
        label=_("Column with the date"), max_length=100, required=False, widget=forms.TextInput(attrs={"dir": "ltr"}),
        help_text=_("Alerts go 60, 30 and 7 days before it."),
    )  # fmt: skip
    example = forms.CharField(
        label=_("Example of what is watched"), max_length=40, required=False,
        widget=forms.TextInput(attrs={"dir": "auto"}), help_text=_("Such as 12345 BA."),
    )  # fmt: skip
    sender = forms.ModelChoiceField(
        label=_("Short code that alerts come from"), queryset=ShortCode.objects.order_by("number"),
        to_field_name="number",
    )  # fmt: skip
    premium = forms.BooleanField(
        label=_("Premium: each alert is put on the telephone bill"), required=False,
        help_text=_("Everybody is told so before he says yes."),
    )  # fmt: skip
    on = forms.BooleanField(
        label=_("On"), required=False, help_text=_("Off retires it: nobody subscribes, and no alert goes out any more.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for language in ("", *LANGUAGES):
            self.fields[f"keywords_{language}"] = forms.CharField(
                label=KEYWORD_LABELS[language], max_length=300, required=False,
                widget=forms.TextInput(attrs={"lang": language or "en", "dir": "rtl" if language == "ar" else "ltr"}),
                help_text=_("Divided by commas."),
            )  # fmt: skip

    def facts(self) -> editing.TopicFacts:
        """What was written, for `editing`."""
        g = self.cleaned_data
        return editing.TopicFacts(
            code=g["code"], names=self.names(), sender=g["sender"].number, data_set=g["data_set"],
            keywords={language: divided(g[f"keywords_{language}"]) for language in ("", *LANGUAGES)},
            date_column=g["date_column"].strip(), example=g["example"], premium=g["premium"], on=g["on"],
        )  # fmt: skip


def _initial(held: Topic | None) -> dict[str, Any]:
    if held is None:
        return {"on": True}
    return {
        **names_of(held.names),
        **{f"keywords_{language}": ", ".join(held.keywords.get(language, ())) for language in ("", *LANGUAGES)},
        "code": held.code, "data_set": held.data_set_id, "date_column": held.date_column, "example": held.example,
        "sender": held.sender, "premium": held.premium, "on": held.on,
    }  # fmt: skip


@desk(right=editing.RIGHT)
def topics(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All topics, those in use first, with how many people have each."""
    live = Count("subscriptions", filter=Q(subscriptions__stopped_at__isnull=True))
    rows = Topic.objects.select_related("data_set").annotate(people=live).order_by("-on", "code")
    return draw(request, staff, "topics", "topics", rows=rows)


@desk(right=editing.RIGHT, methods=FORM)
def topic(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One topic, or a new one."""
    held: Topic | None = found(Topic, pk) if pk else None
    form = TopicForm(request.POST if request.method == "POST" else None, initial=_initial(held))
    if form.is_valid() and tried(
        request, form, lambda: editing.save_topic(held, by=staff, facts=form.facts()), _g("Saved. It counts from now.")
    ):
        return redirect("desk:topics")
    changes = changes_of(Audit.objects.filter(kind="topic", row=held.pk)) if held else []
    heading = held or _g("New topic")
    status = 422 if form.errors else 200
    return draw(request, staff, "topic", "topics", status, form=form, heading=heading, changes=changes)
