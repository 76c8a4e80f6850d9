"""Recordings of calls: taken in from where Asterisk writes them, sealed, played with a reason, erased when it is time.

Two channels of 16 bits at 8 kHz: what the caller said, and what he heard (D2). A call's recording runs from its answer
to its end, through hold, transfer and conference; while a secret is said it is silent. Here it is taken in once its
call is over, whoever was alive meanwhile: a file of a call that nobody ended is taken in when that has been found out.
"""

import io
import logging
import os
import wave
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from wasl.core.cases import actions as cases
from wasl.core.cases.models import Case
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.kernel import clock, seal
from wasl.services.calls.models import Call, Command, Leg, Listening, Recording
from wasl.services.calls.seats import Unfit

log = logging.getLogger(__name__)

RATE, CHANNELS, WIDTH = 8000, 2, 2
_SETTLED = timedelta(seconds=5)
_SHORT = timedelta(seconds=2)
"""A recording may be so much shorter than its call before it counts as a gap."""
_MANY = 500
_STILL_S = 30
"""A file that was written to within this is one that Asterisk still writes."""
_LONGEST_REASON = 200
_HEARD_FOR = timedelta(hours=2)
"""So long a recording can be played again for the reason that was given."""


def _coming() -> Path:
    return settings.WASL_VOICE / "spool" / "recordings"


def _kept(name: str) -> Path:
    return settings.WASL_VOICE / "recordings" / name


def keep() -> int:
    """Take in the recordings of calls that are over; how many. A job of every minute, safe to run twice."""
    taken = 0
    before = clock.now() - _SETTLED
    for file in sorted(_coming().glob("*.raw")) if _coming().is_dir() else ():
        if taken == _MANY:
            break
        # With nobody to decide, Asterisk goes on alone with calls that are over in the books.
        if clock.now().timestamp() - file.stat().st_mtime < _STILL_S:
            continue
        call = _call_of(file.stem)
        if call is None or call.ended_at is None or call.ended_at > before:
            continue
        if Recording.objects.filter(channel=file.stem).exists():
            # It died between the books and the file.
            file.unlink()
            continue
        _take(file, call)
        taken += 1
    return taken


def _call_of(channel: str) -> Call | None:
    """The call of this leg of a caller: as it came in, or as we called back."""
    back = Leg.objects.filter(channel=channel, kind=Leg.Kind.CITIZEN).values("call")
    return Call.objects.filter(Q(channel=channel) | Q(pk__in=back)).first()


def _take(file: Path, call: Call) -> None:
    samples = file.read_bytes()
    samples = samples[: len(samples) // (CHANNELS * WIDTH) * CHANNELS * WIDTH]
    sound = io.BytesIO()
    with wave.open(sound, "wb") as out:
        out.setnchannels(CHANNELS)
        out.setsampwidth(WIDTH)
        out.setframerate(RATE)
        out.writeframes(samples)
    data = sound.getvalue()
    now = clock.now()
    name = f"{call.arrived_at:%Y/%m/%d}/{file.stem}.wav"
    place = _kept(name)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = place.with_suffix(".part")
    try:
        with part.open("wb") as out_file:
            out_file.write(seal.seal_bytes(data, place=_place(file.stem)))
            out_file.flush()
            os.fsync(out_file.fileno())
        part.replace(place)
    except OSError:
        # No room: it stays where Asterisk wrote it, and what was begun must not take room.
        part.unlink(missing_ok=True)
        raise
    with transaction.atomic():
        # Who says meanwhile what the call was about waits here, and then finds it.
        Call.objects.select_for_update().get(pk=call.pk)
        made = Recording.objects.create(
            call=call,
            channel=file.stem,
            file=name,
            sha256=sha256(data).digest(),
            milliseconds=len(samples) * 1000 // (CHANNELS * WIDTH * RATE),
            paused=_pauses(call, file.stem),
            kept_at=now,
            keep_until=now + timedelta(days=settings.WASL_RECORDING_DAYS),
        )
        for matter in call.matters.select_related("case"):
            enter(made, matter.case)
    file.unlink()


def enter(recording: Recording, case: Case) -> None:
    """The journal of a case that the call was about proves what was said from now on."""
    cases.note_recording(case, sha256=bytes(recording.sha256), milliseconds=recording.milliseconds)


def _place(channel: str) -> str:
    """Where a recording lies, for its seal."""
    return f"recording:{channel}"


def _pauses(call: Call, channel: str) -> list[list[int]]:
    """When it was silent on purpose, in milliseconds from where the recording of this leg begins."""
    back = call.legs.filter(channel=channel).first()
    since = (back.answered_at if back else None) or call.arrived_at
    pauses: list[list[int]] = []
    commands = Command.objects.filter(call=call, verb__in=["pause", "go_on"], wrong="", done_at__gte=since)
    for command in commands.order_by("done_at"):
        assert command.done_at is not None  # noqa: S101  # by the filter
        at = round((command.done_at - since).total_seconds() * 1000)
        if command.verb == "pause" and (not pauses or len(pauses[-1]) == 2):
            pauses.append([at])
        elif command.verb == "go_on" and pauses and len(pauses[-1]) == 1:
            pauses[-1].append(at)
    return pauses


def listen(recording: Recording, *, by: Staff, reason: str) -> bytes:
    """The sound as a WAV file, for who says why he listens; that is written before he hears anything (D2, P2).

    He may hear it `again` for a while without another reason.

    Raises Forbidden; Unfit without a reason, when it was erased, or when the file is not what was kept.
    """
    rights.require(by, "phone.listen")
    why = " ".join(reason.split())[:_LONGEST_REASON]
    if not why:
        raise Unfit(_("Say why you listen to it."))
    if recording.erased_at is not None:
        raise Unfit(_("The recording was removed."))
    Listening.objects.create(recording=recording, by=by, reason=why, at=clock.now())
    return _opened(recording)


def reason_of(recording: Recording, *, by: Staff) -> Listening | None:
    """Why this person listened to it lately, if he did."""
    return recording.listenings.filter(by=by, at__gte=clock.now() - _HEARD_FOR).order_by("-at").first()


def again(recording: Recording, *, by: Staff) -> bytes:
    """The sound as a WAV file, for who has said lately why he listens (`listen`).

    Raises Forbidden; Unfit where he has not, when it was erased, or when the file is not what was kept.
    """
    rights.require(by, "phone.listen")
    if reason_of(recording, by=by) is None:
        raise Unfit(_("Say why you listen to it."))
    if recording.erased_at is not None:
        raise Unfit(_("The recording was removed."))
    return _opened(recording)


def _opened(recording: Recording) -> bytes:
    """The sound, if it is what was kept. Raises Unfit."""
    try:
        data = seal.unseal_bytes(_kept(recording.file).read_bytes(), place=_place(recording.channel))
    except (OSError, seal.SealBroken) as error:
        log.error("recording %s cannot be opened: %s", recording.pk, error)  # noqa: TRY400  # no trace is needed
        raise Unfit(_("The recording cannot be opened; the administrator has been told.")) from error
    if sha256(data).digest() != bytes(recording.sha256):
        raise Unfit(_("The recording is not what was kept; the administrator has been told."))
    return data


def gaps() -> QuerySet[Call]:
    """Calls that somebody answered and of which a recording is missing (D2): this must be empty.

    Those of the last two minutes are not asked about: theirs may still lie where Asterisk writes.
    """
    ended = Call.objects.filter(answered_at__isnull=False, ended_at__lt=clock.now() - timedelta(minutes=2))
    of_leg = Recording.objects.filter(channel=OuterRef("channel"))
    back = Leg.objects.filter(call=OuterRef("pk"), kind=Leg.Kind.CITIZEN, answered_at__isnull=False)
    return ended.filter(~Exists(of_leg) | Exists(back.filter(~Exists(of_leg)))).order_by("-arrived_at")


def short() -> list[Call]:
    """Of the last day: those of whose conversation a part was not recorded."""
    rows = Call.objects.filter(answered_at__isnull=False, ended_at__gt=clock.now() - timedelta(days=1))
    return [one for one in rows.prefetch_related("recordings", "legs") if _is_short(one)]


def _is_short(call: Call) -> bool:
    """What must be there: from the answer to the end, or from when he was called back until he was gone."""
    backs = [leg for leg in call.legs.all() if leg.kind == Leg.Kind.CITIZEN and leg.answered_at]
    spans = [(one.channel, one.answered_at, one.ended_at) for one in backs]
    spans = spans or [(call.channel, call.answered_at, call.ended_at)]
    kept = {one.channel: timedelta(milliseconds=one.milliseconds) for one in call.recordings.all()}
    return any(
        channel in kept and kept[channel] < ended - answered - _SHORT
        for channel, answered, ended in spans
        if answered and ended
    )


def erase_old() -> int:
    """Erase the sound of those whose time is over, 10,000 at most. A daily job; how many."""
    over = Recording.objects.filter(keep_until__lt=clock.now(), erased_at__isnull=True)
    with transaction.atomic():
        return erase(Recording.objects.filter(pk__in=over.values_list("pk", flat=True)[:10_000]))


def forget(calls: QuerySet[Call]) -> None:
    """Erase what was said on these calls, also what still lies where Asterisk writes."""
    erase(Recording.objects.filter(call__in=calls))
    backs = Leg.objects.filter(call__in=calls, kind=Leg.Kind.CITIZEN)
    coming = [*calls.values_list("channel", flat=True), *backs.values_list("channel", flat=True)]
    transaction.on_commit(lambda: _delete([_coming() / f"{one}.raw" for one in coming]))


def erase(recordings: QuerySet[Recording]) -> int:
    """Erase the sound of these; the row stays and says when. How many. The files go with the commit."""
    held = list(recordings.filter(erased_at__isnull=True).values_list("pk", "file"))
    Recording.objects.filter(pk__in=[pk for pk, _file in held]).update(erased_at=clock.now(), file="")
    transaction.on_commit(lambda: _delete([_kept(file) for _pk, file in held]))
    return len(held)


def _delete(files: Sequence[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
