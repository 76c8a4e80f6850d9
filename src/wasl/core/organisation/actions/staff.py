"""Verbs on accounts of staff, from the first link to the last session; posts are `posts`."""

from collections.abc import Callable, Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import rights, signin
from wasl.core.organisation.actions.audit import Refused, facts_of, names_of, note
from wasl.core.organisation.actions.posts import somebody_administers
from wasl.core.organisation.models import Post, Staff, Unit
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock


def _require_keeps(by: Staff, staff: Staff) -> None:
    if not rights.keeps(by, staff):
        raise Forbidden(_("This account belongs to another administrator."))


def make_staff(
    *,
    by: Staff,
    username: str,
    names: Mapping[str, str],
    email: str = "",
    phone: str = "",
    language: str = "ar",
    unit: Unit | None = None,
) -> Staff:
    """A new account without a password: its holder chooses one by the link that he gets.

    `unit` is whose administrator keeps the account; none is the centre's.
    """
    rights.require_over(by, unit)
    with transaction.atomic():
        if not username or Staff.objects.filter(username__iexact=username).exists():
            raise Refused(_("There is somebody with this user name already."))
        made = Staff(username=username, names=names_of(names), email=email, phone=phone, language=language, unit=unit)
        made.set_unusable_password()
        made.save(force_insert=True)
        note(by, "staff.made", made, None)
    return made


def change_staff(
    staff: Staff,
    *,
    by: Staff,
    names: Mapping[str, str],
    email: str,
    phone: str,
    language: str,
    unit: Unit | None = None,
) -> Staff:
    """Change what is said of a person; the user name stays.

    Links to sign in go to the mail address: that of an administrator who has signed in is his own to change.
    """
    _require_keeps(by, staff)
    rights.require_over(by, unit)
    with transaction.atomic():
        held = Staff.objects.select_for_update().get(pk=staff.pk)
        if email != held.email and _is_his_own(held, by):
            raise Refused(_("An administrator's mail address is changed by himself, on his own page."))
        before = facts_of(held)
        held.names, held.email, held.phone, held.language = names_of(names), email, phone, language
        held.unit = unit
        _proved_no_more(held, before)
        held.save(update_fields=["names", "email", "phone", "phone_proved_at", "language", "unit"])
        note(by, "staff.changed", held, before)
    return held


def change_own(*, by: Staff, email: str, phone: str, language: str) -> None:
    """What everybody changes of his own account; who he is has been asked anew."""
    with transaction.atomic():
        held = Staff.objects.select_for_update().get(pk=by.pk)
        before = facts_of(held)
        held.email, held.phone, held.language = email, phone, language
        _proved_no_more(held, before)
        held.save(update_fields=["email", "phone", "phone_proved_at", "language"])
        note(by, "staff.changed", held, before)


def confirm_own(*, by: Staff, phone: str | None) -> None:
    """He confirms how he is reached: `phone` is what a code proved, None where nothing can be texted (Q3).

    Refused when he has another number meanwhile.
    """
    with transaction.atomic():
        held = Staff.objects.select_for_update().get(pk=by.pk)
        if phone is not None and held.phone != phone:
            raise Refused(_("The number was changed meanwhile. Send the code anew."))
        before = facts_of(held)
        held.confirmed_at = clock.now()
        if phone is not None:
            held.phone_proved_at = held.confirmed_at
        held.save(update_fields=["confirmed_at", "phone_proved_at"])
        note(by, "staff.confirmed", held, before)


def _proved_no_more(held: Staff, before: Mapping[str, object]) -> None:
    """Another number is nobody's until it is proved."""
    if held.phone != before["phone"]:
        held.phone_proved_at = None


def _is_his_own(staff: Staff, by: Staff) -> bool:
    """Whether nobody else may come by this account: else one administrator could be both pairs of eyes."""
    return staff.pk != by.pk and staff.last_login is not None and rights.administrates(staff)


def hand_link(staff: Staff, *, by: Staff) -> None:
    """Note that a link to set a password is given out. Refused for an administrator who has signed in before."""
    _require_keeps(by, staff)
    if not staff.is_active:
        raise Refused(_("The account is shut."))
    if _is_his_own(staff, by):
        raise Refused(_("An administrator asks for such a link himself, on the sign-in page."))
    note(by, "staff.link_given", staff, None)


def unlock(staff: Staff, *, by: Staff) -> None:
    """Let him try again who mistyped his password too often."""
    _require_keeps(by, staff)
    with transaction.atomic():
        held = Staff.objects.select_for_update().get(pk=staff.pk)
        before = facts_of(held)
        signin.unlock(held)
        note(by, "staff.unlocked", held, before)


def end_sessions(staff: Staff, *, by: Staff, session: int | None = None) -> int:
    """End one session or all of them; gives how many ended. Everybody ends his own."""
    if staff.pk != by.pk:
        _require_keeps(by, staff)
    ended = signin.end_sessions(staff, only=session)
    if ended:
        note(by, "staff.sessions_ended", staff, None)
    return ended


def set_staff_active(
    staff: Staff, *, by: Staff, active: bool, hand_over: Callable[[Staff, Staff], object] | None = None
) -> None:
    """Shut or reopen an account; open sessions end with it. Refused for oneself and for the last administrator.

    `hand_over` is called with the leaver and `by` inside, to pass on what he has open.
    """
    _require_keeps(by, staff)
    with transaction.atomic():
        # Two administrators must not shut each other out at once.
        list(Post.objects.select_for_update().filter(role=Post.Role.ADMINISTRATOR).order_by("pk").values_list("pk"))
        held = Staff.objects.select_for_update().get(pk=staff.pk)
        if not active and held.pk == by.pk:
            raise Refused(_("Nobody shuts his own account."))
        if not active and not somebody_administers(without_staff=held.pk):
            raise Refused(_("Somebody must remain who administers the system."))
        before = facts_of(held)
        held.is_active = active
        held.save(update_fields=["is_active"])
        note(by, "staff.changed", held, before)
        if not active:
            signin.end_sessions(held)
            if hand_over is not None:
                hand_over(held, by)
