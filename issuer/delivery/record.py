"""A person's whole record: taken along as one file, hidden, or erased. It spans every room, so it stands here."""

from datetime import datetime
from typing import Any

from issuer.attestations import service as attestations
from issuer.badges import issuance
from issuer.badges import service as badges
from issuer.badges.bureau import Bureau
from issuer.badges.model import Badge
from issuer.contributions import service as contributions
from issuer.ground import audit, mail
from issuer.ground.database import reading, writing
from issuer.ground.login import service as login
from issuer.notices import service as notices
from issuer.people import joining, own
from issuer.people import service as people_service
from issuer.people.model import PeopleError, Person
from issuer.recognition import sentences, versions
from issuer.recognition import service as recognition
from issuer.wallets import service as wallets
from schemas import timestamps
from schemas.policy import QualificationPolicy
from schemas.strict_json import JsonObject

LEAVE = "leave"  # what a person types, so that nobody leaves by a slip


def export(bureau: Bureau, policy: QualificationPolicy, person_id: str, *, now: datetime) -> JsonObject:
    """Everything that is kept about a person, for programs: who they are, what was recorded, what was decided and
    why, their badges with their signatures, and what others did with the record.

    Raises:
        PeopleError: there is no such person.
    """
    with reading(bureau.engine) as connection:
        person = people_service.person_by_id(connection, person_id)
        if person is None:
            raise PeopleError("This record is not here any more.")
        ids = people_service.ids_of(connection, person_id)
        proofs = people_service.proofs_of(connection, person_id)
        records = list(contributions.contributions_of(connection, person.accounts))
        claims = [
            one
            for one in attestations.attested_claims(connection, around=[person_id])
            if person_id in one.claim.subjects
        ]
        asked = own.requests_of(connection, person_id)
        roles = login.roles_of(connection, person_id)
    decision = recognition.decide_person(bureau.engine, policy, person, as_of=now)
    held = [badge for one in ids for badge in badges.badges_of(bureau.engine, one)]
    rows = audit.entries(bureau.engine, person=person_id, last=100_000)
    value: dict[str, Any] = {
        "exported_at": timestamps.show(now),
        "community": bureau.name,
        "person": _about(person) | {"ids": list(ids), "roles": sorted(roles)},
        "accounts": [
            {"account": str(account), "proof": proof, "proved_at": timestamps.show(when)}
            for account, proof, when in proofs
        ],
        "requests": [
            {
                "kind": one.kind,
                "about": one.about,
                "reason": one.reason,
                "opened_at": timestamps.show(one.opened_at),
                "granted": one.granted,
                "answer": one.answer,
            }
            for one in asked
        ],
        "contributions": [
            {
                "source": one.source,
                "id": one.id,
                "record": one.record,
                "account": str(one.account),
                "happened_at": timestamps.show(one.happened_at),
                "evidence": one.evidence,
                "facts": one.facts.model_dump(mode="json", exclude_defaults=True),
            }
            for one in records
        ],
        "attested": [
            {
                "id": one.claim.id,
                "kind": one.claim.kind,
                "title": one.claim.title,
                "happened_at": timestamps.show(one.claim.happened_at),
                "answers": len(one.answers),
            }
            for one in claims
        ],
        "decision": {
            "tier": decision.tier,
            "credits": str(decision.credits),
            "policy": policy.digest,
            "lines": [
                {
                    "id": line.item.id,
                    "counted": line.counted,
                    "credits": str(line.credits),
                    "why": sentences.why(line),
                }
                for line in decision.lines
            ],
        },
        "badges": [
            {
                "id": badge.id,
                "achievement": badge.award.achievement,
                "period": badge.award.period.name,
                "state": badge.state,
                "jwt": badge.jwt,
                "wallets": [
                    {"subject": copy.subject, "id": copy.id, "state": copy.state, "jwt": copy.jwt}
                    for copy in badges.copies_of(bureau.engine, badge)
                ],
            }
            for badge in held
        ],
        "who_looked": [row.to_json() for row in rows],
    }
    return value


def hide(bureau: Bureau, person_id: str, *, now: datetime) -> int:
    """Let nothing of a person be seen by others: no badge is published, and none shows a name or an address's
    hash. No letter tells them of another one. Comes out: how many badges were changed.
    """
    people, changed = people_service.people_by_id(bureau.engine), 0
    for badge in _badges(bureau, person_id):
        shows = badge.published or badge.shows_name or badge.hashes_address or badge.shows_evidence
        if badge.standing and badge.jwt and shows:
            issuance.choose(
                bureau,
                badge,
                person=people[person_id],
                shows_name=False,
                hashes_address=False,
                published=False,
                now=now,
            )
            changed += 1
    with writing(bureau.engine) as connection:
        badges.forget_former_versions(connection, people_service.ids_of(connection, person_id))
        badges.keep_quiet(connection, person_id)
    return changed


def sign_with_new_name(bureau: Bureau, person_id: str, *, now: datetime) -> int:
    """Badges that show a person's name are signed anew with the one that they have now, and what was signed with
    the former one is forgotten. Comes out: how many.
    """
    people = people_service.people_by_id(bureau.engine)
    mine = [badge for badge in _badges(bureau, person_id) if badge.standing and badge.shows_name]
    for badge in mine:
        issuance.sign_again(bureau, badge, person=people[person_id], now=now)
    with writing(bureau.engine) as connection:
        badges.forget_former_versions(connection, people_service.ids_of(connection, person_id))
    return len(mine)


def leave(bureau: Bureau, person_id: str, *, withdraw: bool, now: datetime) -> None:
    """Erase a person: accounts, records, affiliations, name, address, evidence and files of badges.

    What stays is a number without a name: badges and their places on the status list, so that a badge which the
    person keeps goes on verifying (unless they `withdraw` them), the audit log's rows about the number, for each
    account a hash by which it is not recorded again, and a nameless account that stands for theirs in what they
    accepted of others' work, which goes on counting.
    """
    if withdraw:
        for badge in _badges(bureau, person_id):
            if badge.standing:
                badges.revoke(bureau.engine, badge, reason="at its holder's wish", now=now, by=person_id)
    held = [badge.id for badge in _badges(bureau, person_id)]
    with writing(bureau.engine) as connection:
        person = people_service.person_by_id(connection, person_id)
        if person is None:
            raise PeopleError("This record is not here any more.")
        ids = people_service.ids_of(connection, person_id)
        stand_in = joining.stand_in()
        named = contributions.forget(connection, person.accounts, stand_in=stand_in)
        attestations.forget(connection, ids)
        wallets.forget(connection, held)
        badges.forget_holder(connection, ids)
        versions.forget(connection, ids)
        joining.forget(connection, ids, accounts=person.accounts, stands_in=stand_in if named else None, now=now)
        addresses = {account.name for account in person.accounts if "@" in account.name} | {person.email or ""}
        for one in ids:
            login.forget(connection, one, addresses=addresses)
        notices.forget(connection, ids, addresses=addresses)
        for address in addresses:
            mail.forget(connection, address)
        audit.write(
            connection,
            actor=person_id,
            role=joining.ROLE,
            act="person.leave",
            reason="their own wish",
            now=now,
            person=person_id,
        )


def _badges(bureau: Bureau, person_id: str) -> list[Badge]:
    with reading(bureau.engine) as connection:
        ids = people_service.ids_of(connection, person_id)
    return [badge for one in ids for badge in badges.badges_of(bureau.engine, one)]


def _about(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "told_at": None if person.told_at is None else timestamps.show(person.told_at),
        "household": person.household,
        "language": person.language,
        "page_language": person.page_language,
        "manager": person.manager,
        "affiliations": [
            {"organisation": one.organisation, "since": one.since.isoformat()} for one in person.affiliations
        ],
        "pauses": [
            {"begins": timestamps.show(one.begins), "ends": timestamps.show(one.ends)} for one in person.pauses
        ],
    }
