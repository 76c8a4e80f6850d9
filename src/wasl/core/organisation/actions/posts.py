"""Verbs on posts: one administrator asks, a second one agrees (P1). Who may give what over what is `rights`."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from wasl.core.organisation import rights, signin
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Area, Post, Proposal, Staff, Unit
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock


def give_post(
    staff: Staff,
    *,
    by: Staff,
    role: str,
    unit: Unit | None = None,
    area: Area | None = None,
    until: datetime | None = None,
) -> Post | Proposal:
    """Give a person a role over a scope: a unit and all below it, an area, or (neither) the whole centre.

    It counts when a second administrator agrees; until there has been a second one, at once. Gives the post or what
    was asked. Source: requirement P1.
    """
    if role not in Post.Role.values:
        raise Refused(_("There is no such role."))
    if unit is not None and area is not None:
        raise Refused(_("Choose a unit or an area, not both."))
    if not rights.may_give(by, role, unit, area) or not (rights.keeps(by, staff)):
        raise Forbidden(_("You may not give this post: it reaches beyond the units that you administer."))
    if role == Post.Role.OFFICER and unit is None:
        raise Refused(_("An officer needs a unit."))
    if role == Post.Role.ADMINISTRATOR and area is not None:
        raise Refused(_("An administrator's post is over a unit or the whole centre."))
    now = clock.now()
    if until is not None and until <= now:
        raise Refused(_("A post must end in the future."))
    if unit is not None and not unit.active:
        raise Refused(_("%(unit)s is no longer active.") % {"unit": unit})
    with transaction.atomic():
        _one_at_a_time()
        if not Staff.objects.filter(pk=staff.pk, is_active=True).exists():
            raise Refused(_("The account is shut."))
        same = {"role": role, "unit": unit, "area": area, "until": until}
        if Proposal.objects.filter(staff=staff, agreed__isnull=True, **same).exists():
            raise Refused(_("This was asked already and waits for a second administrator."))
        if rights.first_setup(by):
            post = Post(staff=staff, since=now, given_by=by, **same)
            post.save(force_insert=True)
            note(by, "post.given", post, None)
            return post
        asked = Proposal(kind=Proposal.Kind.POST, staff=staff, asked_by=by, asked_at=now, **same)
        asked.save(force_insert=True)
        note(by, "post.asked", asked, None)
        return asked


def ask_factor_reset(staff: Staff, *, by: Staff) -> Proposal | None:
    """Take away a second factor that its holder has lost; his sessions end.

    It counts when a second administrator agrees. Nothing is given back where it counted at once (`give_post`).
    """
    if not rights.keeps(by, staff):
        raise Forbidden(_("This lies outside the units that you administer."))
    if staff.pk == by.pk:
        raise Refused(_("Your own second factor you change on your own page."))
    with transaction.atomic():
        _one_at_a_time()
        if not signin.has_second_factor(staff):
            raise Refused(_("This account has no second factor."))
        if rights.first_setup(by):
            _reset_factor(staff, by)
            return None
        if Proposal.objects.filter(staff=staff, kind=Proposal.Kind.FACTOR, agreed__isnull=True).exists():
            raise Refused(_("This was asked already and waits for a second administrator."))
        asked = Proposal(kind=Proposal.Kind.FACTOR, staff=staff, asked_by=by, asked_at=clock.now())
        asked.save(force_insert=True)
        note(by, "factor.asked", asked, None)
        return asked


def _reset_factor(staff: Staff, by: Staff) -> None:
    signin.drop_second_factor(staff)
    signin.end_sessions(staff)
    note(by, "factor.reset", staff, None)


def may_decide(proposal: Proposal, by: Staff) -> bool:
    """Whether this administrator could agree: not who asked, not whom it is for, and of a scope that has it."""
    if by.pk in (proposal.asked_by_id, proposal.staff_id) or proposal.agreed is not None:
        return False
    if proposal.kind == Proposal.Kind.FACTOR:
        return rights.keeps(by, proposal.staff)
    return rights.may_give(by, proposal.role, proposal.unit, proposal.area)


def agree(proposal: Proposal, *, by: Staff) -> None:
    """The second pair of eyes: the post counts from now. Refused when what it rests on is gone."""
    with transaction.atomic():
        held = _open(proposal)
        if not may_decide(held, by):
            raise Forbidden(_("Another administrator has to agree, one who neither asked for it nor gets it."))
        now = clock.now()
        if not held.staff.is_active:
            raise Refused(_("The account is shut."))
        if held.unit is not None and not held.unit.active:
            raise Refused(_("%(unit)s is no longer active.") % {"unit": held.unit})
        if held.until is not None and held.until <= now:
            raise Refused(_("A post must end in the future."))
        before = facts_of(held)
        held.decided_by, held.decided_at, held.agreed = by, now, True
        held.save()
        note(by, "proposal.agreed", held, before)
        if held.kind == Proposal.Kind.FACTOR:
            _reset_factor(held.staff, by)
            return
        post = Post(
            staff=held.staff,
            role=held.role,
            unit=held.unit,
            area=held.area,
            since=now,
            until=held.until,
            given_by=held.asked_by,
            agreed_by=by,
        )
        post.save(force_insert=True)
        note(by, "post.given", post, None)


def refuse(proposal: Proposal, *, by: Staff, reason: str) -> None:
    """Say no with a reason; whoever asked takes it back with this too."""
    with transaction.atomic():
        held = _open(proposal)
        if by.pk != held.asked_by_id and not may_decide(held, by):
            raise Forbidden(_("This lies outside the units that you administer."))
        if not reason.strip():
            raise Refused(_("Say why."))
        before = facts_of(held)
        held.decided_by, held.decided_at, held.agreed, held.words = by, clock.now(), False, reason.strip()[:300]
        held.save()
        note(by, "proposal.refused", held, before)


def _open(proposal: Proposal) -> Proposal:
    held = (
        Proposal.objects.select_for_update(of=("self",))
        .select_related("staff", "unit", "area", "asked_by")
        .get(pk=proposal.pk)
    )
    if held.agreed is not None:
        raise Refused(_("This was decided already."))
    return held


def end_post(post: Post, *, by: Staff) -> None:
    """End a post now. Refused for the last administrator's."""
    with transaction.atomic():
        _one_at_a_time()
        held = Post.objects.select_for_update(of=("self",)).select_related("unit", "area").get(pk=post.pk)
        if not rights.may_give(by, held.role, held.unit, held.area):
            raise Forbidden(_("This lies outside the units that you administer."))
        if held.role == Post.Role.ADMINISTRATOR and not somebody_administers(without_post=held.pk):
            raise Refused(_("Somebody must remain who administers the system."))
        before = facts_of(held)
        held.until = clock.now()
        held.save(update_fields=["until"])
        note(by, "post.ended", held, before)


def somebody_administers(without_staff: int = 0, without_post: int = 0) -> bool:
    """Whether an administrator of the whole centre remains without this person or this post."""
    now = clock.now()
    posts = Post.objects.filter(
        Q(until__isnull=True) | Q(until__gt=now),
        role=Post.Role.ADMINISTRATOR, unit__isnull=True, area__isnull=True, since__lte=now, staff__is_active=True,
    )  # fmt: skip
    return posts.exclude(staff=without_staff).exclude(pk=without_post).exists()


def _one_at_a_time() -> None:
    # Two administrators must not shut each other out, or each be the first, at once.
    list(Post.objects.select_for_update().filter(role=Post.Role.ADMINISTRATOR).order_by("pk").values_list("pk"))
