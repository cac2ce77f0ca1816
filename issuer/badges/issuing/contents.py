"""What a badge says: its cover, its dictionary, and the exact claims of one version.

What badges have in common is looked up and prepared once for all of them (`claims_template`), and kept at hand in
the bureau. Nothing is stored here; the rows are `intent`.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from issuer.badges import catalogue, preparation, store
from issuer.badges.bureau import Bureau
from issuer.badges.issuing import claims_template
from issuer.badges.issuing.claims_template import ClaimsTemplate
from issuer.badges.model import Award, Badge, Intent
from issuer.badges.preparation import Cover, Particulars, PreparedCredential, StatusEntry
from issuer.people.model import Person
from keys import jws
from schemas.badge_qr import Dictionary
from schemas.identity import IdentityObject

MAX_TEMPLATES = 256  # an office has some tiers, a few policies and one list at a time


def intent_of(bureau: Bureau, badge: Badge, particulars: Particulars, *, version: int = 1) -> Intent:
    claims = _prepared(bureau, badge, particulars).claims.decode()
    return Intent(badge.id, version, claims, bureau.signer.kid)


def particulars_of(
    bureau: Bureau,
    badge: Badge,
    person: Person,
    *,
    moment: datetime,
    narrative: str | None,
    former: tuple[str, ...],
    evidence: tuple[str, ...] = (),
) -> Particulars:
    return Particulars(
        credential_id=badge.id,
        reference=badge.reference,
        holder_code=preparation.holder_code_hash(bureau.holder_code(badge.reference), salt=badge.salt),
        valid_from=moment,
        awarded=preparation.whole_seconds(badge.award.made_at),
        status=_status_of(bureau, badge),
        name=person.name[: preparation.MAX_NAME_CHARACTERS] or None if badge.shows_name else None,
        address=_address_hash(person, badge),
        narrative=narrative,
        former_references=former,
        names_holder=not badge.award.buys_nothing,
        subject=badge.subject,
        evidence=evidence,
    )


def _prepared(bureau: Bureau, badge: Badge, particulars: Particulars) -> PreparedCredential:
    cover = cover_of(bureau, badge.award)
    if badge.copy_of is not None:  # a wallet shows it itself; what goes into codes is bound to nothing
        return preparation.prepare(cover, particulars)
    dictionary = dictionary_of(bureau, badge)
    if claims_template.is_usual(particulars):
        key = (dictionary.sha256, str(particulars.narrative))
        if key not in bureau.templates:
            if len(bureau.templates) >= MAX_TEMPLATES:
                bureau.templates.clear()
            bureau.templates[key] = ClaimsTemplate.of(cover, particulars, dictionary=dictionary, host=bureau.host)
        template = bureau.templates[key]
        if template is not None:
            return template.prepare(particulars)
    return preparation.prepare_to_fit(cover, particulars, dictionary=dictionary, host=bureau.host)


def _address_hash(person: Person, badge: Badge) -> IdentityObject | None:
    if not badge.hashes_address or person.email is None:
        return None
    return preparation.address_hash(person.email, salt=badge.salt)


def _status_of(bureau: Bureau, badge: Badge) -> tuple[StatusEntry, ...]:
    """A badge's entries: whether it is withdrawn, and, where its policy uses that, whether it is suspended."""
    return tuple(
        StatusEntry(purpose, bureau.addresses.status_list(place.list), place.index)
        for purpose, place in badge.places
    )


def cover_of(bureau: Bureau, award: Award) -> Cover:
    """What an award's badge has in common with others."""
    cover = bureau.covers.get(_cover_key(award))
    if cover is None:
        cover = bureau.covers[_cover_key(award)] = _new_cover(bureau, award)
    return cover


def _cover_key(award: Award) -> tuple[str, ...]:
    return award.achievement, award.period.term, award.policy_digest


def _new_cover(bureau: Bureau, award: Award) -> Cover:
    policy = bureau.policy(award.policy_digest)
    return Cover(
        issuer=catalogue.profile(did=bureau.did, name=bureau.name, url=bureau.addresses.base),
        achievement=catalogue.achievement(
            award.achievement, policy=policy, period=award.period, addresses=bureau.addresses
        ),
        period=award.period,
        policy_url=bureau.addresses.policy(policy.digest),
        policy_sri=policy.sri,
        valid_until=award.period.valid_until(policy.awarding.valid_months_after_period),
    )


def dictionary_of(bureau: Bureau, badge: Badge) -> Dictionary:
    """What packs a badge small: for its achievement, lists and key."""
    status_entries, kid = _status_of(bureau, badge), bureau.signer.kid
    key = (*_cover_key(badge.award), *(entry.list for entry in status_entries), kid)
    if key not in bureau.dictionaries:
        typ = jws.badge_typ(bureau.signer.public)
        header = preparation.jose_header(alg=bureau.signer.public.algorithm, kid=kid, typ=typ)
        cover = cover_of(bureau, badge.award)
        bureau.dictionaries[key] = preparation.dictionary(cover, header=header, status=status_entries)
    return bureau.dictionaries[key]


def narratives_of(connection: Connection, awards: Sequence[Award]) -> dict[str, str | None]:
    """What badges by a decision by hand say of it, by the decision's id."""
    by_hand = {award.hand_decision: award for award in awards if award.hand_decision}
    return {decision: narrative_of(connection, award) for decision, award in by_hand.items()}


def narrative_of(connection: Connection, award: Award) -> str | None:
    """By which decision somebody was recognised, in words; None if the policy did it."""
    decision = store.awards.hand_decision(connection, award.hand_decision) if award.hand_decision else None
    return f"By decision of {decision.decision}: {decision.reason}" if decision else None
