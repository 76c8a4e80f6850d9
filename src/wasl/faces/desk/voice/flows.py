"""What the machine says on the telephone: drawn, changed step by step, heard, published and taken back (C2, C15)."""

import io
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from wasl.channels.voice import recorded, sound
from wasl.channels.voice.speech import Speech
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.page import FORM, draw, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.faces.desk.sounds import played
from wasl.faces.desk.voice import drawing
from wasl.faces.desk.voice.forms import KIND_WORDS, WAY_WORDS, NewFlowForm, NewStepForm, PromptForm, StepForm
from wasl.kernel.names import OWN_NAMES, local
from wasl.services.articles import queries as articles
from wasl.services.calls import checking, flows, prompts
from wasl.services.calls.flow import LANGUAGES, PERSON, Said, words
from wasl.services.calls.models import FlowVersion, Line

RIGHT = flows.RIGHT
PARTS = ("text", "thanks")
MOST_VERSIONS = 30
MOST_BYTES = 12_000_000


def _draw(request: HttpRequest, staff: Staff, template: str, status: int = 200, **more: Any) -> HttpResponse:
    return draw(request, staff, template, "flows", status, **more)


def speech() -> Speech:
    """The speech of this house; of the event loop that it is used in."""
    return Speech(settings.WASL_VOICE / "speech")


@desk(right=RIGHT, methods=FORM)
def listed(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Every flow, and the numbers that they answer; a new flow begins as a copy."""
    form = NewFlowForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        like = _shown(form.cleaned_data["like"])
        flows.save(form.cleaned_data["code"], like.data, by=staff, seen=None)
        return redirect("desk:flow", form.cleaned_data["code"])
    codes = FlowVersion.objects.order_by("code").values_list("code", flat=True).distinct()
    lines = list(Line.objects.select_related("calendar").order_by("number"))
    rows = [
        {
            "code": code, "published": flows.in_force(code), "draft": flows.draft_of(code),
            "lines": [line for line in lines if line.flow == code],
        }
        for code in codes
    ]  # fmt: skip
    numbers = [(line, [OWN_NAMES[code] for code in line.languages]) for line in lines]
    return _draw(request, staff, "flows", 422 if form.errors else 200, rows=rows, lines=numbers, form=form)


def _shown(code: str) -> FlowVersion:
    """The draft, or what is in force where there is none. Raises Http404."""
    version = flows.draft_of(code) or flows.in_force(code)
    if version is None:
        raise Http404
    return version


@desk(right=RIGHT, methods=FORM)
def flow(request: HttpRequest, staff: Staff, code: str) -> HttpResponse:
    """One flow: the picture, its steps, what is wrong with it, its versions."""
    shown = _shown(code)
    do = request.POST.get("do", "")
    form = NewStepForm(request.POST if do == "step" else None, taken=shown.data.get("nodes", {}))
    if do == "step" and form.is_valid():
        g = form.cleaned_data
        data = _changed(shown.data, g["name"], {"kind": g["kind"]})
        if tried(request, form, lambda: flows.save(code, data, by=staff, seen=_seen(request)), ""):
            return redirect("desk:flow_step", code, g["name"])
    elif do in ("publish", "discard", "start"):
        _done(request, staff, shown, do)
        return redirect("desk:flow", code)
    published = flows.in_force(code)
    data = shown.data
    return _draw(
        request, staff, "flow", 422 if form.errors else 200, code=code, shown=shown, published=published, form=form,
        is_draft=shown.published_at is None, draft=flows.stamp(shown),
        problems=flows.problems(data), steps=_steps(data), start=data.get("start"),
        picture=_picture(data), lines=Line.objects.filter(flow=code).order_by("number"),
        differences=flows.differences(published.data, data) if published and shown.published_at is None else [],
        versions=FlowVersion.objects.filter(code=code, published_at__isnull=False).select_related("made_by")
        .order_by("-number")[:MOST_VERSIONS],
    )  # fmt: skip


def _done(request: HttpRequest, staff: Staff, shown: FlowVersion, do: str) -> None:
    draft = request.POST.get("draft", "")
    if do == "discard":
        gone = _("The draft is gone. What is published goes on.")
        tried(request, None, lambda: flows.discard(shown.code, by=staff, draft=draft), gone)
    elif do == "start":
        name = request.POST.get("name", "")
        if name in shown.data.get("nodes", {}):
            data = {**shown.data, "start": name}
            tried(request, None, lambda: flows.save(shown.code, data, by=staff, seen=_seen(request)), _("Saved."))
    elif _published(request, staff, shown.code, shown.data, draft):
        messages.success(request, _("Published. The next call hears it; calls that are on keep what they began with."))


def _published(
    request: HttpRequest, staff: Staff, code: str, data: Mapping[str, Any], draft: str | None = None
) -> bool:
    """Make its speech, then let it count: no caller waits for a voice. A refusal is told."""
    problems = flows.problems(data)
    if not problems:
        async_to_sync(speech().made)(checking.spoken(checking.read(data)))
        return tried(request, None, lambda: flows.publish(code, data, by=staff, draft=draft), "")
    for problem in problems[:5]:
        messages.error(request, problem)
    return False


def _seen(request: HttpRequest) -> int | None:
    text = request.POST.get("seen", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _changed(data: Mapping[str, Any], name: str, node: Mapping[str, Any] | None) -> dict[str, Any]:
    nodes = {**data.get("nodes", {}), name: node}
    return {**data, "nodes": {one: held for one, held in nodes.items() if held is not None}}


def _steps(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps in the order of the picture, with all that it shows."""
    nodes = data.get("nodes", {})
    asked = [box.name for box in drawing.draw(data).boxes]
    return [
        {
            "name": name, "kind": KIND_WORDS.get(nodes[name].get("kind"), nodes[name].get("kind")),
            "said": _said(nodes[name]), "ways": _ways(nodes[name]), "person": name == PERSON,
        }
        for name in asked
    ]  # fmt: skip


def _said(node: Mapping[str, Any]) -> str:
    held = articles.one(str(node["article"])) if "article" in node else None
    return local(held.voice if held else node.get("text", {}))


def _ways(node: Mapping[str, Any]) -> list[tuple[Any, str]]:
    return [(WAY_WORDS.get(key, key), to) for key, to in checking.ways(node)]


def _picture(data: Mapping[str, Any]) -> dict[str, Any]:
    drawn = drawing.draw(data)
    boxes = [
        {"box": box, "kind": KIND_WORDS.get(box.kind, box.kind), "middle": box.x + drawing.WIDTH // 2}
        for box in drawn.boxes
    ]
    ways = [(one, "" if one.key == "next" else WAY_WORDS.get(one.key, one.key)) for one in drawn.ways]
    return {"drawn": drawn, "boxes": boxes, "ways": ways, "width": drawing.WIDTH, "height": drawing.HEIGHT}


# --- one step ---


@desk(right=RIGHT, methods=FORM)
def step(request: HttpRequest, staff: Staff, code: str, name: str) -> HttpResponse:
    """One step: what it says and where it leads; its words heard, and recorded by somebody."""
    shown = _shown(code)
    node = shown.data.get("nodes", {}).get(name)
    if node is None:
        raise Http404
    do = request.POST.get("do", "")
    form = StepForm(request.POST if do == "save" else None, node=node, name=name, steps=list(shown.data["nodes"]))
    upload = PromptForm(request.POST, request.FILES) if do == "record" else PromptForm()
    if do == "save" and form.is_valid():
        data = _changed(shown.data, name, form.node())
        if tried(request, form, lambda: flows.save(code, data, by=staff, seen=_seen(request)), _("Saved as a draft.")):
            return redirect("desk:flow_step", code, name)
    elif do == "remove":
        data = _changed(shown.data, name, None)
        tried(request, None, lambda: flows.save(code, data, by=staff, seen=_seen(request)), _("Saved as a draft."))
        return redirect("desk:flow", code)
    elif do in ("record", "machine") and prompted(request, staff, node, upload, do):
        return redirect("desk:flow_step", code, name)
    status = 422 if form.errors or upload.errors else 200
    return _draw(
        request, staff, "flow_step", status, code=code, name=name, shown=shown, node=node, form=form, upload=upload,
        kind=KIND_WORDS.get(node.get("kind"), ""), texts=_texts(code, name, node), leads=_leading_to(shown.data, name),
        problems=[one for one in flows.problems(shown.data) if one.startswith(f"{name}: ")],
    )  # fmt: skip


def _leading_to(data: Mapping[str, Any], name: str) -> list[str]:
    return [one for one, node in data["nodes"].items() if name in [to for _key, to in checking.ways(node)]]


def _texts(code: str, name: str, node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What can be heard and recorded of a step."""
    return [
        {
            "part": part, "language": language, "speaks": speaks, "text": text, "prompt": prompts.of(language, text),
            "single": _is_single(text, language), "src": reverse("desk:flow_sound", args=[code, name, part, language]),
        }
        for part in PARTS
        for language, speaks in OWN_NAMES.items()
        if (text := node.get(part, {}).get(language, ""))
    ]  # fmt: skip


def _is_single(text: str, language: str) -> bool:
    """Whether it is one piece: what changes from call to call cannot be recorded by somebody."""
    return words(text, language) == (Said(text, language),)


def prompted(request: HttpRequest, staff: Staff, node: Mapping[str, Any], upload: PromptForm, do: str) -> bool:
    """Keep somebody's recording of words of `node` (`part` and `language` are posted), or forget it.

    False where the form says what is wrong. Raises Http404 for words that nobody can record.
    """
    part, language = request.POST.get("part", ""), request.POST.get("language", "")
    text = node.get(part, {}).get(language, "") if part in PARTS else ""
    if not text or not _is_single(text, language):
        raise Http404
    if do == "machine":
        prompts.forget(language, text, by=staff)
    else:
        if not upload.is_valid():
            return False
        file = upload.cleaned_data["file"]
        try:
            if file.size > MOST_BYTES:
                raise sound.BadSound("too large")
            data, seconds = sound.telephone(file.read())
        except sound.BadSound:
            upload.add_error("file", _("This is not a WAV file that can be used. Save it as WAV (PCM) and try again."))
            return False
        if not 0.2 <= seconds <= prompts.LONGEST_S:
            upload.add_error("file", _("A recording is at most a minute long."))
            return False
        prompts.keep(language, text, data, seconds, by=staff)
    recorded.materialise(settings.WASL_VOICE / "speech")
    messages.success(request, _("Saved. It is heard from now, in every flow that says these words."))
    return True


@desk(right=RIGHT)
def sound_of(request: HttpRequest, staff: Staff, code: str, name: str, part: str, language: str) -> HttpResponse:
    """What callers hear of a step, as one wave file; `?machine` without anybody's recording."""
    node = _shown(code).data.get("nodes", {}).get(name, {})
    text = node.get(part, {}).get(language, "") if part in PARTS and language in LANGUAGES else ""
    if not text:
        raise Http404
    facts = dict.fromkeys(("number", "seconds"), "0123456789") | {"area": "…", "hotline": "1111"}
    places = async_to_sync(speech().made)(words(text, language, facts), machine="machine" in request.GET)
    return played(request, joined(places))


def joined(places: list[Path]) -> bytes:
    """Wave files of the telephone as one."""
    made = io.BytesIO()
    with wave.open(made, "wb") as whole:
        whole.setparams((1, 2, sound.RATE, 0, "NONE", ""))
        for place in places:
            with wave.open(str(place)) as one:
                whole.writeframes(one.readframes(one.getnframes()))
    return made.getvalue()


# --- versions ---


@desk(right=RIGHT, methods=FORM)
def version(request: HttpRequest, staff: Staff, code: str, number: int) -> HttpResponse:
    """One published version, what it would change of the one in force, and going back to it."""
    held = FlowVersion.objects.filter(code=code, number=number, published_at__isnull=False).first()
    now = flows.in_force(code)
    if held is None or now is None:
        raise Http404
    if request.method == "POST":
        if _published(request, staff, code, held.data):
            messages.success(request, _("Version %(number)s counts again, as a new one.") % {"number": number})
        return redirect("desk:flow", code)
    return _draw(
        request, staff, "flow_version", code=code, held=held, now_held=now, picture=_picture(held.data),
        differences=flows.differences(now.data, held.data), steps=_steps(held.data),
        changes=changes_of(Audit.objects.filter(kind="flowversion", row=held.pk)),
    )  # fmt: skip
