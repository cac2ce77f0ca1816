"""Badges withdrawn by the policy's table: cases opened, agreed to, lifted, and carried out when their notice ends.

Each act is a row of the audit log, in its own transaction; what changes something for the holder is told them by a
letter, where mail can be sent. What the table says is `revocation`.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from issuer.badges import issuance, letters, revocation, store
from issuer.badges.bureau import Bureau
from issuer.badges.model import Badge, BadgeError
from issuer.badges.revocation import Case, Outcome
from issuer.badges.service import existing
from issuer.ground import audit, news
from issuer.ground.database import reading, writing
from issuer.ground.mail import MailError
from issuer.ground.matters import Matter
from issuer.notices import service as notices
from issuer.people import service as people_service
from issuer.people.model import Person
from keys import jws


def open_case(bureau: Bureau, badge: Badge, *, cause: str, reason: str, by: Person, now: datetime) -> Case:
    """Withdraw a badge at once, or give its holder notice and suspend it meanwhile, as the policy says.

    A badge whose key somebody else may have is signed anew instead, where the policy says so.

    Raises:
        BadgeError: the policy knows no such cause, this person may not decide it, no reason or too long a one, the
            badge was withdrawn already, a case runs, or its key is not compromised.
    """
    said, rule = reason.strip(), revocation.rule_of(bureau.policy(badge.award.policy_digest), cause)
    if not 0 < len(said) <= revocation.MAX_REASON:
        raise BadgeError(f"Say in 1 to {revocation.MAX_REASON} characters why: the badge's holder reads it.")
    if rule.reissue:
        _check_key_fell(bureau, badge)
    with writing(bureau.engine) as connection:
        current = existing(connection, badge.id)
        if not current.standing:
            raise BadgeError("This badge was withdrawn already.")
        if any(case.badge == badge.id for case in store.cases.open_revocations(connection)):
            raise BadgeError("A case about this badge runs already: agree to it, or lift it.")
        _check_may_open(connection, current, by, rule_by=rule.by)
        case = Case(
            number=0,
            badge=badge.id,
            cause=cause,
            reason=said,
            needs_two=rule.by in revocation.TWO_PEOPLE,
            opened_by=by.id,
            opened_at=now,
            ends_at=now + timedelta(days=rule.notice_days),
            suspended_until=revocation.suspended_until(rule, now=now) if current.suspension else None,
        )
        number = store.cases.add_revocation(connection, case)
        _note(connection, current, "open", number, by=by.id, role=rule.by, reason=said, now=now)
        made = _case(connection, number)
        if rule.reissue:
            store.cases.end_revocation(connection, number, outcome="reissued", now=now)
        elif rule.notice_days == 0 and made.is_agreed:
            _end(connection, bureau, made, outcome="revoked", now=now)
        else:
            if made.suspended_until is not None:
                store.badges.set_suspended(connection, badge.id, reason=said, now=now)
            _write(connection, bureau, made, current, now=now)
    if rule.reissue:
        issuance.sign_again(bureau, badge, person=_holder(bureau.engine, badge), now=now)
    with reading(bureau.engine) as connection:
        return _case(connection, number)


def agree(bureau: Bureau, number: int, *, by: Person, now: datetime) -> Case:
    """The second of two people decides as the first did; the notice goes on as it began.

    Raises:
        BadgeError: no case waits for this, or this person opened it, or is the badge's holder.
    """
    with writing(bureau.engine) as connection:
        case = _running(connection, number)
        badge = existing(connection, case.badge)
        if case.is_agreed:
            raise BadgeError(f"Case {number} waits for nobody's agreement.")
        if case.opened_by in people_service.ids_of(connection, by.id):
            raise BadgeError("Two different people decide: whoever opened the case is one of them already.")
        _check_not_holder(connection, badge, by)
        store.cases.agree_to_revocation(connection, number, by=by.id, now=now)
        _note(connection, badge, "agree", number, by=by.id, role="second", reason=_said(case), now=now)
        agreed = _case(connection, number)
        if agreed.ends_at <= agreed.opened_at:
            _end(connection, bureau, agreed, outcome="revoked", now=now)
        return _case(connection, number)


def lift(bureau: Bureau, number: int, *, reason: str, by: Person, now: datetime) -> Case:
    """End a case while its notice runs: the badge stands again, and its holder is told why.

    Raises:
        BadgeError: no such case runs, no reason is given, or this person is the badge's holder.
    """
    said = reason.strip()
    if not 0 < len(said) <= revocation.MAX_REASON:
        raise BadgeError(f"Say in 1 to {revocation.MAX_REASON} characters why the badge stands again.")
    with writing(bureau.engine) as connection:
        case = _running(connection, number)
        badge = existing(connection, case.badge)
        _check_not_holder(connection, badge, by)
        _note(connection, badge, "lift", number, by=by.id, role="team", reason=said, now=now)
        _end(connection, bureau, case, outcome="lifted", now=now, because=said)
        return _case(connection, number)


def carry_out(bureau: Bureau, *, now: datetime) -> int:
    """Withdraw the badges whose notice has run out, let cases lapse to which no second person agreed, and end
    suspensions that have lasted as long as they may. Comes out: how many badges were withdrawn.
    """
    with reading(bureau.engine) as connection:
        waiting = [case.number for case in store.cases.open_revocations(connection) if _is_due(case, now)]
    withdrawn = 0
    for number in waiting:
        with writing(bureau.engine) as connection:
            case = _case(connection, number)
            if case.outcome is not None:
                continue
            if now >= case.ends_at:
                outcome: Outcome = "revoked" if case.is_agreed else "lapsed"
                _end(connection, bureau, case, outcome=outcome, now=now)
                withdrawn += outcome == "revoked"
            elif store.badges.set_suspended(connection, case.badge, reason=None, now=None):
                _note_ended(connection, existing(connection, case.badge), "unsuspend", case, now=now)
    return withdrawn


def cases(engine: Engine) -> list[Case]:
    """Every case, newest first."""
    with reading(engine) as connection:
        return store.cases.all_revocations(connection)


def matters(engine: Engine) -> list[Matter]:
    """Cases whose notice runs: those that want a second person, and those that end by themselves."""
    with reading(engine) as connection:
        return [_matter(case) for case in store.cases.open_revocations(connection)]


def _matter(case: Case) -> Matter:
    why = revocation.in_words(case.cause)
    waits = not case.is_agreed
    return Matter(
        kind="approval" if waits else "dispute",
        key=f"revocation-{case.number}",
        title=f"A second person decides whether a badge is withdrawn: {why}."
        if waits
        else f"A badge's holder has notice that it is withdrawn: {why}.",
        since=case.opened_at,
        minutes=revocation.MINUTES_TO_AGREE if waits else revocation.MINUTES_TO_LOOK,
        default="The case lapses, and the badge stands." if waits else "The badge is withdrawn.",
        page="/team/revocations",
        due=case.ends_at,
    )


def _is_due(case: Case, now: datetime) -> bool:
    return now >= case.ends_at or (case.suspended_until is not None and now >= case.suspended_until)


def _end(
    connection: Connection, bureau: Bureau, case: Case, *, outcome: Outcome, now: datetime, because: str = ""
) -> None:
    badge = existing(connection, case.badge)
    store.badges.set_suspended(connection, badge.id, reason=None, now=None)
    if outcome == "revoked":
        store.badges.set_revoked(connection, badge.id, reason=_said(case), superseded_by=None, now=now)
    store.cases.end_revocation(connection, case.number, outcome=outcome, now=now)
    _note_ended(connection, badge, outcome, case, now=now)
    news.tell(connection, "person", badge.award.person)  # whose other badges may have waited for this
    _write(connection, bureau, _case(connection, case.number), badge, now=now, because=because)


def _write(
    connection: Connection, bureau: Bureau, case: Case, badge: Badge, *, now: datetime, because: str = ""
) -> None:
    """Enter the letter about a case; also to who hid everything, since it is their right to be heard."""
    person = people_service.persons_behind(connection, {badge.award.person})[badge.award.person]
    if not bureau.mails or person.email is None or not people_service.is_present(person):
        return
    token, lasts = notices.new_token(), max(case.ends_at - now, notices.LETTER_LASTS)
    try:
        letter = letters.of_case(
            person.email,
            badge.award,
            case,
            community=bureau.name,
            link=bureau.addresses.claim_link(token),
            until=now + max(notices.LINK_LASTS, lasts),
            because=because,
            say=person.voice,
        )
    except MailError:
        return
    notices.send(
        connection,
        letter,
        token,
        badge=badge.id,
        person=badge.award.person,
        address_sha256=bureau.address_hash(person.email),
        now=now,
        lasts=lasts,
    )


def _check_key_fell(bureau: Bureau, badge: Badge) -> None:
    fallen = {record.kid for record in bureau.keyset.records if record.state == "compromised"}
    if badge.jwt is None or jws.parse(badge.jwt).header.kid not in fallen:
        raise BadgeError(
            "The key of this badge is not compromised: 'badge-issuer keys compromise KEY' comes first."
        )


def _check_may_open(connection: Connection, badge: Badge, by: Person, *, rule_by: str) -> None:
    if rule_by != "holder":
        _check_not_holder(connection, badge, by)
    elif badge.award.person not in people_service.ids_of(connection, by.id):
        raise BadgeError("Only its holder asks for this: another cause was expected.")


def _check_not_holder(connection: Connection, badge: Badge, by: Person) -> None:
    if badge.award.person in people_service.ids_of(connection, by.id):
        raise BadgeError("Nobody decides about themselves.")


def _running(connection: Connection, number: int) -> Case:
    case = store.cases.revocation(connection, number)
    if case is None or case.outcome is not None:
        raise BadgeError(f"There is no case {number} that runs.")
    return case


def _case(connection: Connection, number: int) -> Case:
    case = store.cases.revocation(connection, number)
    assert case is not None
    return case


def _holder(engine: Engine, badge: Badge) -> Person:
    with reading(engine) as connection:
        return people_service.persons_behind(connection, {badge.award.person})[badge.award.person]


def _said(case: Case) -> str:
    """The reason that was given; the cause alone once its holder has left."""
    return case.reason or revocation.in_words(case.cause)


def _note_ended(connection: Connection, badge: Badge, act: str, case: Case, *, now: datetime) -> None:
    _note(connection, badge, act, case.number, by="badge-issuer", role="program", reason=_said(case), now=now)


def _note(
    connection: Connection, badge: Badge, act: str, number: int, *, by: str, role: str, reason: str, now: datetime
) -> None:
    said = " ".join(reason.split())
    audit.write(
        connection, actor=by, role=role, act=f"revocation.{act}", reason=said, now=now,
        person=badge.award.person, subject=f"revocation {number}", details={"badge": badge.short_id},
    )  # fmt: skip
