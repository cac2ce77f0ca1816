"""What a holder finds behind their private link: badge, reasons, files, and their choices."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from issuer.badges import catalogue, picture, revocations
from issuer.badges import service as badges
from issuer.badges.achievements import Entry
from issuer.badges.bureau import Bureau
from issuer.badges.model import Badge, BadgeError
from issuer.badges.state import State
from issuer.delivery import codes, files
from issuer.delivery.files import FileForm
from issuer.ground.database import reading, writing
from issuer.ground.language import IN_ENGLISH, Voice
from issuer.notices import service as notices
from issuer.people import service as people_service
from issuer.people.model import Person
from issuer.recognition import life, merits, questions, sentences
from issuer.recognition import service as recognition
from issuer.recognition.decision import COUNTED, NEEDS_ATTESTATION, Decision, Line
from issuer.recognition.question import Question, QuestionKind
from schemas import badge_qr
from schemas.policy import QualificationPolicy

MAX_EVIDENCE = 10  # links in a badge: more than anybody follows, and a code on paper holds few
MAX_LINK = 200
HOLDERS_WISH = "holder_request"  # a row of the policy's table of revocations


@dataclass(frozen=True)
class Holding:
    """Everything about one holder: the badge in front (the tier's in force, else one per kind, else the newest),
    the badges per kind that stand, and all the other ones.
    """

    person: Person
    badge: Badge | None
    others: tuple[Badge, ...]

    @property
    def per_kind(self) -> tuple[Badge, ...]:
        """Badges for one kind of work that stand beside the one in front; of two that two records of theirs had
        before they were joined, the newer one.
        """
        shown: dict[tuple[str, str], Badge] = {}
        for badge in (self.badge, *self.others):
            if badge is not None and badge.award.is_per_kind and badge.standing:
                shown.setdefault((badge.award.achievement, badge.award.period.term), badge)
        return tuple(badge for badge in shown.values() if badge != self.badge)

    @property
    def earlier(self) -> tuple[Badge, ...]:
        return tuple(badge for badge in self.others if badge not in self.per_kind)


def people(bureau: Bureau) -> Mapping[str, Person]:
    """Everybody by id."""
    return people_service.people_by_id(bureau.engine)


def holding(bureau: Bureau, token: str, *, front: str = "") -> Holding | None:
    """What a private link opens, or None for one that leads nowhere. `front`: the badge that they want to see."""
    owner = badges.person_of_page(bureau.engine, token)
    if owner is None:
        return None
    person = people(bureau)[owner]
    with reading(bureau.engine) as connection:
        ids = people_service.ids_of(connection, person.id)
    signed = [badge for one in ids for badge in badges.badges_of(bureau.engine, one) if badge.jwt]
    signed.sort(key=lambda badge: badge.award.made_at, reverse=True)
    ordered = sorted(  # a tier before all kinds of work: of one that was withdrawn, this page is where it is said
        signed, key=lambda badge: (badge.short_id != front, badge.award.is_per_kind, not badge.standing)
    )
    return Holding(
        person, ordered[0] if ordered else None, tuple(badge for badge in signed if badge != ordered[0])
    )


def holder_of(bureau: Bureau, badge: Badge) -> Person:
    """Whose badge it is, as the person as whom they are known now."""
    with reading(bureau.engine) as connection:
        return people_service.persons_behind(connection, {badge.award.person})[badge.award.person]


def come_in(bureau: Bureau, person: str, *, now: datetime) -> str:
    """The secret of the private page of somebody who is signed in; their claim links have done their work."""
    with writing(bureau.engine) as connection:
        notices.claim_all(connection, people_service.ids_of(connection, person), now=now)
        return badges.page_of(connection, bureau, person)


def replace_link(bureau: Bureau, held: Holding, *, now: datetime) -> str:
    """The holder makes their private link anew: the former one leads nowhere. Its new secret comes out."""
    return badges.replace_page(
        bureau, held.person.id, by=held.person.id, role="person", reason="made anew by its holder", now=now
    )


def own_badge(held: Holding, short_id: str) -> Badge:
    """One of the holder's own badges.

    Raises:
        BadgeError: none of theirs has this id.
    """
    mine = (badge for badge in (held.badge, *held.others) if badge and badge.short_id == short_id)
    badge = next(mine, None)
    if badge is None:
        raise BadgeError("This badge is not among yours.")
    return badge


def may_be_given_back(bureau: Bureau, badge: Badge) -> bool:
    """Whether the policy under which it was made knows a holder's own wish."""
    return badge.standing and HOLDERS_WISH in bureau.policy(badge.award.policy_digest).revocation


def give_back(bureau: Bureau, held: Holding, short_id: str, *, sure: bool, now: datetime) -> None:
    """Withdraw one of the holder's own badges because they ask for it, by the policy's table.

    Raises:
        BadgeError: it is not theirs or was withdrawn already, they were not sure, or the policy knows no wish.
    """
    badge = own_badge(held, short_id)
    if not sure:
        raise BadgeError(
            "Tick that you know that this cannot be undone, so that no badge is given back by a slip."
        )
    reason = "given back on the private page"
    revocations.open_case(bureau, badge, cause=HOLDERS_WISH, reason=reason, by=held.person, now=now)


def file(bureau: Bureau, badge: Badge, form: FileForm, say: Voice = IN_ENGLISH) -> bytes:
    """A badge in one of the forms that people carry.

    Raises:
        BadgeError: it is not signed yet, does not fit a QR code, or is not published where it has to be.
    """
    return in_form(bureau.engine, badge, form, host=bureau.host, say=say)


def in_form(engine: Engine, badge: Badge, form: FileForm, *, host: str, say: Voice = IN_ENGLISH) -> bytes:
    """The same for who has no keys at hand. `host`: where the issuer's documents are.

    Raises:
        BadgeError: as `file`.
    """
    packed = None
    if form in files.WITH_CODE and badge.jwt is not None:
        try:
            packed = badges.packed(engine, badge.jwt)
        except BadgeError:
            if form in files.CODES:
                raise
    return files.make(badge, form, packed=packed, host=host, say=say)


def evidence_links(bureau: Bureau, badge: Badge, person: Person) -> tuple[str, ...]:
    """Links to what counted towards a badge when it was awarded, newest first: what its holder may put in it. Some
    name people, so none is ever in a badge before its holder says so.
    """
    policy = bureau.policy(badge.award.policy_digest)
    decision = recognition.decide_person(bureau.engine, policy, person, as_of=badge.award.made_at)
    lines: Sequence[Line] = decision.lines
    if badge.award.is_per_kind:
        found = (one.lines for one in merits.merits(decision) if one.badge == badge.award.achievement)
        lines = next(found, ())
    counted = [line for line in lines if badge.award.is_per_kind or line.counted]
    counted.sort(key=lambda line: (line.item.happened_at, line.item.id), reverse=True)
    links = [line.item.evidence for line in counted if line.item.evidence and _may_stand(line.item.evidence)]
    return tuple(dict.fromkeys(links))[:MAX_EVIDENCE]


def _may_stand(link: str) -> bool:
    return link.startswith("https://") and link.isprintable() and " " not in link and len(link) <= MAX_LINK


def lookup_code(bureau: Bureau, badge: Badge) -> bytes | None:
    """The code that leads to a badge's public page, as PNG; None for one that has no such page."""
    return codes.lookup_png(bureau.addresses.badge_page(badge.short_id)) if badge.published else None


def code_print_mm(bureau: Bureau, badge: Badge) -> int | None:
    """The width of the badge's QR code on paper in mm, quiet zone included (DESK §3); None if it fits no code."""
    if badge.jwt is None:
        return None
    try:
        packed = badges.packed(bureau.engine, badge.jwt)
        prefix = badge_qr.to_url_text(packed, host=bureau.host).index("#") + 1
        version = badge_qr.smallest_version(len(packed), form="url", prefix_characters=prefix)
        return badge_qr.print_size_mm(version) if version else None
    except (BadgeError, badge_qr.BadgeQrError):
        return None


def badge_title(badge: Badge, say: Voice = IN_ENGLISH) -> str:
    """`Contributor 2026`."""
    return files.title(badge, say)


def badge_alt(badge: Badge, say: Voice = IN_ENGLISH) -> str:
    """The badge's picture in words."""
    return picture.alt_text(catalogue.art(badge.award), say)


def badge_picture(badge: Badge) -> str:
    """The badge's own picture as an address that holds it, for a page on which no file of it can be asked for."""
    drawn = picture.draw(catalogue.art(badge.award)).encode()
    return f"data:image/svg+xml;base64,{b64encode(drawn).decode()}"


def decision_for(bureau: Bureau, policy: QualificationPolicy, person: Person, *, now: datetime) -> Decision:
    """What the policy says about this person today."""
    return recognition.decide_person(bureau.engine, policy, person, as_of=now)


def ask(
    bureau: Bureau,
    held: Holding,
    kind: QuestionKind,
    *,
    text: str,
    link: str,
    policy: QualificationPolicy,
    now: datetime,
) -> Question:
    """Take a holder's question about their decision.

    Raises:
        QuestionError: it cannot be taken; the sentence says why.
    """
    chosen = life.profile(policy, top_holders=badges.holders_of(bureau.engine, policy.tiers[life.TOP_TIER].id))
    decided_at = held.badge.award.made_at if held.badge else None
    return questions.ask(
        bureau.engine, held.person, kind, text=text, link=link, policy=policy, profile=chosen,
        decided_at=decided_at, now=now,
    )  # fmt: skip


def merit_views(decision: Decision, entries: Sequence[Entry], say: Voice = IN_ENGLISH) -> list[dict[str, object]]:
    """How somebody stands towards each badge per kind that is awarded now: what counted, what lacks."""
    active = {entry.name for entry in entries if entry.state is State.ACTIVE}
    return [
        {
            "name": merit.badge,
            "title": say(merit.rule.title),
            "look": "pass" if merit.earned else "unknown",
            "mark": "✓" if merit.earned else "·",
            "word": say("earned" if merit.earned else "not yet"),
            "for": sentences.thanks_again(sentences.thanks_for(merit), say),
            "missing": sentences.missing_for(merit, decision.rules.policy, say),
        }
        for merit in merits.merits(decision)
        if merit.badge in active
    ]


def line_view(line: Line, say: Voice = IN_ENGLISH) -> dict[str, object]:
    """One line of the "why" page: mark, word, and sentence, so that state is never colour alone."""
    look, mark, word = (
        ("pass", "✓", "counted")
        if line.counted
        else ("unknown", "?", "waiting")
        if line.clause == NEEDS_ATTESTATION
        else ("fail", "✕", "not counted")
    )
    facts = line.item.facts
    return {
        "look": look,
        "mark": mark,
        "word": say(word),
        "what": facts.title or sentences.kind_name(line.kind or line.item.record, say),
        "when": line.item.happened_at,
        "why": sentences.why(line, say),
        "evidence": line.item.evidence,
        "credits": sentences.credits_in_words(line.credits, say) if line.clause == COUNTED else "",
    }
