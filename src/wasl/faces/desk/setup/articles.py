"""Articles at the desk: written in three languages, heard, published, taken back, withdrawn (C6, M3, A4)."""

import wave
from collections.abc import Mapping
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from wasl.channels.voice import sound as telephone
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.article_forms import ArticleForm, NewArticleForm
from wasl.faces.desk.setup.page import FORM, draw, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.faces.desk.sounds import played
from wasl.faces.desk.voice.flows import joined, prompted, speech
from wasl.faces.desk.voice.forms import PromptForm
from wasl.kernel.names import LANGUAGES, OWN_NAMES
from wasl.services.articles import actions, queries
from wasl.services.articles.models import Article, ArticleVersion
from wasl.services.calls import flows, prompts
from wasl.services.calls.flow import Said, article_words

RIGHT = actions.RIGHT
_CHANNELS = {
    "web": pgettext_lazy("channel", "web"), "sms": pgettext_lazy("channel", "SMS"),
    "voice": pgettext_lazy("channel", "telephone"), "desk": pgettext_lazy("channel", "agents"),
}  # fmt: skip
IN_FORCE, DRAFT = "in-force", "draft"
MOST_VERSIONS = 30


def measure(language: str, text: str) -> float:
    """Seconds that a voice form takes as callers hear it, which makes its speech; 0 where it cannot be spoken."""
    said = article_words(text, language)
    seconds, wanted = 0.0, sum(len(one.text) if one.spelled else 1 for one in said)
    places = async_to_sync(speech().made)(said)
    for place in places:
        with wave.open(str(place)) as file:
            seconds += file.getnframes() / telephone.RATE
    return seconds if places and len(places) == wanted else 0.0


def _draw(request: HttpRequest, staff: Staff, template: str, status: int = 200, **more: Any) -> HttpResponse:
    # Who administers nothing else has it as a place of its own.
    alone = not rights.may(staff, "organisation.edit")
    return draw(request, staff, template, "articles", status, alone=alone, **more)


def _article(code: str) -> Article:
    row = Article.objects.filter(code=code).select_related("current__made_by").first()
    if row is None:
        raise Http404
    if row.current is not None:
        row.current.article = row
    return row


@desk(right=RIGHT, methods=FORM)
def articles(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Every article, and a new one."""
    form = NewArticleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["code"]
        if tried(request, form, lambda: actions.begin(code, by=staff), ""):
            return redirect("desk:article", code)
    use = queries.use()
    drafts = set(ArticleVersion.objects.filter(number__isnull=True).values_list("article", flat=True))
    rows = [
        {
            "article": one, "draft": one.pk in drafts,
            "use": [use.get(one.pk, {}).get(channel, 0) for channel in actions.CHANNELS],
        }
        for one in Article.objects.select_related("current__made_by").order_by("number")
    ]  # fmt: skip
    return _draw(
        request,
        staff,
        "articles",
        422 if form.errors else 200,
        rows=rows,
        form=form,
        channels=list(_CHANNELS.values()),
    )


@desk(right=RIGHT, methods=FORM)
def article(request: HttpRequest, staff: Staff, code: str) -> HttpResponse:
    """One article: written, seen and heard as it will be; published, dropped, withdrawn."""
    row = _article(code)
    draft = actions.draft_of(row)
    shown = draft or row.current
    do = request.POST.get("do", "")
    form = ArticleForm(request.POST if do in ("save", "publish") else None, version=shown)
    upload = PromptForm(request.POST, request.FILES) if do == "record" else PromptForm()
    if do in ("save", "publish") and form.is_valid():
        if _kept(request, staff, row, form, do):
            return redirect("desk:article", code)
    elif do in ("discard", "withdraw"):
        _done(request, staff, row, do)
        return redirect("desk:article", code)
    elif do in ("record", "machine") and prompted(request, staff, _voice(shown), upload, do):
        return redirect("desk:article", code)
    return _draw(
        request, staff, "article", 422 if form.errors or upload.errors else 200, row=row, shown=shown,
        is_draft=draft is not None, stamp=actions.stamp(shown), form=form, upload=upload,
        texts=_heard(shown, DRAFT if draft else IN_FORCE), still=not rights.may(staff, flows.RIGHT), seen=_seen(shown),
        named=code in flows.articles_named(), use=_use(row),
        versions=row.versions.filter(number__isnull=False).select_related("made_by").order_by("-number")[:MOST_VERSIONS],
        changes=changes_of(Audit.objects.filter(kind="article", row=row.pk)),
    )  # fmt: skip


def _use(row: Article) -> list[tuple[Any, int]]:
    counts = queries.use().get(row.pk, {})
    return [(words, counts.get(channel, 0)) for channel, words in _CHANNELS.items()]


def _kept(request: HttpRequest, staff: Staff, row: Article, form: ArticleForm, do: str) -> bool:
    seen = request.POST.get("seen", "")
    saved: list[ArticleVersion] = []

    def save() -> None:
        saved.append(actions.save(row, form.content(), by=staff, seen=seen))

    if not tried(request, form, save, _("Saved as a draft.") if do == "save" else ""):
        return False
    if do == "save":
        return True
    try:
        actions.publish(row, by=staff, seen=actions.stamp(saved[0]), measure=measure)
    except Refused as refused:
        # The words are kept as a draft: he goes on with them, and is told what stands in the way.
        messages.error(request, str(refused))
        return True
    messages.success(request, _("Published. Every channel gives it from now; calls that are on keep the old one."))
    return True


def _done(request: HttpRequest, staff: Staff, row: Article, do: str) -> None:
    if do == "discard":
        seen = request.POST.get("seen", "")
        gone = _("The draft is gone. What is published goes on.")
        tried(request, None, lambda: actions.discard(row, by=staff, seen=seen), gone)
    else:
        gone = _("Withdrawn: nobody is given it any more. Its versions stay.")
        tried(request, None, lambda: actions.withdraw(row, by=staff, named=flows.articles_named()), gone)


def _voice(shown: ArticleVersion | None) -> dict[str, Mapping[str, str]]:
    """The voice form as a step of a flow has its words."""
    return {"text": shown.voice if shown else {}}


def _heard(shown: ArticleVersion | None, which: str) -> list[dict[str, Any]]:
    """What can be heard and recorded of it."""
    return [
        {
            "language": language, "speaks": speaks, "text": text, "prompt": prompts.of(language, text), "part": "text",
            "single": article_words(text, language) == (Said(text, language),),
            "src": reverse("desk:article_sound", args=[shown.article.code, which, language]),
        }
        for language, speaks in OWN_NAMES.items()
        if shown is not None and (text := shown.voice.get(language, ""))
    ]  # fmt: skip


def _seen(shown: ArticleVersion | None) -> list[dict[str, Any]]:
    """As people see it, in each language that is written."""
    return [
        {
            "language": language, "speaks": speaks, "title": shown.titles.get(language, ""),
            "short": shown.short.get(language, ""), "paragraphs": shown.paragraphs(language),
        }
        for language, speaks in OWN_NAMES.items()
        if shown is not None and shown.full.get(language)
    ]  # fmt: skip


@desk(right=RIGHT)
def sound(request: HttpRequest, staff: Staff, code: str, which: str, language: str) -> HttpResponse:
    """What callers hear of it, in force or of the draft, as one wave file; `?machine` without anybody's recording."""
    row = _article(code)
    version = {IN_FORCE: row.current, DRAFT: actions.draft_of(row)}.get(which)
    text = version.voice.get(language, "") if version and language in LANGUAGES else ""
    if not text:
        raise Http404
    places = async_to_sync(speech().made)(article_words(text, language), machine="machine" in request.GET)
    return played(request, joined(places))


@desk(right=RIGHT, methods=FORM)
def version(request: HttpRequest, staff: Staff, code: str, number: int) -> HttpResponse:
    """One published version, what it says otherwise than the one in force, and going back to it."""
    row = _article(code)
    held = row.versions.filter(number=number).select_related("made_by").first()
    if held is None:
        raise Http404
    held.article = row
    if request.method == "POST":
        done = _("Version %(number)s counts again, as a new one.") % {"number": number}
        tried(request, None, lambda: actions.go_back(row, held, by=staff, measure=measure), done)
        return redirect("desk:article", code)
    return _draw(request, staff, "article_version", row=row, held=held, seen=_seen(held))
