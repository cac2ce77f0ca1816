"""The versions of the policy: proposed, open for comments, approved by two, put in force; each at its digest.

What may follow what is said by `life`; who would gain or lose by a draft, by `backtest`. Each act is written in
the audit log in its own transaction.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from issuer.ground import audit
from issuer.ground.database import reading, writing
from issuer.ground.matters import Matter
from issuer.people.model import Person
from issuer.recognition import life, store
from issuer.recognition.life import Approval, Comment, Proposal
from schemas import policy as policy_shape
from schemas.policy import PolicyError, QualificationPolicy

ROLE = "manager"
APPROVAL_MINUTES = 20  # to read the backtest and the comments


def in_force(engine: Engine, file: Path, *, now: datetime) -> QualificationPolicy:
    """The version in force. In a new community that is the one in `file`, from now on.

    Raises:
        PolicyError: nothing is in force, and the file cannot be read or is refused.
    """
    with reading(engine) as connection:
        known = store.adoptions(connection)
        document = store.document(connection, known[-1][0]) if known else None
    if document is not None:
        return policy_shape.load(document, name="the policy in force")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise PolicyError(f"The policy {file} cannot be read: {error.strerror}.") from error
    policy = policy_shape.load(data, name=str(file))
    with writing(engine) as connection:
        if not store.adoptions(connection):
            _adopt(connection, policy, now)
    return in_force(engine, file, now=now)


def waits_in_file(file: Path, policy: QualificationPolicy) -> bool:
    """Whether the file says something else than the version in force: somebody has edited it."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() != policy.digest
    except OSError:
        return False


def all_versions(engine: Engine) -> dict[str, QualificationPolicy]:
    """Every version that was ever in force, by digest, in their order; the last one is in force."""
    with reading(engine) as connection:
        documents = store.all_documents(connection)
    loaded = (policy_shape.load(document, name="a stored policy") for document in documents)
    return {policy.digest: policy for policy in loaded}


def adopted_at(engine: Engine) -> dict[str, datetime]:
    """Since when each version was in force, by digest."""
    with reading(engine) as connection:
        return dict(store.adoptions(connection))


def proposals(engine: Engine) -> list[Proposal]:
    """Every version that was ever proposed, in their order."""
    with reading(engine) as connection:
        return store.all_proposals(connection)


def find(engine: Engine, text: str) -> Proposal:
    """A proposal by its version, or by a beginning of its digest of at least 6 digits.

    Raises:
        PolicyError: none, or more than one.
    """
    wanted = text.strip()
    found = [
        p
        for p in proposals(engine)
        if p.version == wanted or (len(wanted) >= 6 and p.digest.startswith(wanted.lower()))
    ]
    alive = [p for p in found if p.withdrawn_at is None] or found
    if len(alive) != 1:
        none, many = f"{wanted!r} names no proposed version.", f"{wanted!r} names more than one proposed version."
        raise PolicyError(many if alive else none)
    return alive[0]


def propose(engine: Engine, data: bytes, *, name: str, why: str, by: Person, now: datetime) -> Proposal:
    """Keep a new version as a draft. The same text again is the same draft.

    Raises:
        PolicyError: the document is refused, is in force already, has another id, a version that was used for
            another text, or nobody says why.
    """
    policy = policy_shape.load(data, name=name)
    if not why.strip():
        raise PolicyError("A proposal says why: people read it beside the rules.")
    with writing(engine) as connection:
        adopted = store.all_documents(connection)
        current = policy_shape.load(adopted[-1], name="the policy in force") if adopted else None
        known = {p.digest: p for p in store.all_proposals(connection)}
        if policy.digest in known and known[policy.digest].withdrawn_at is None:
            return known[policy.digest]
        if current is not None and policy.id != current.id:
            raise PolicyError(f"{name}: the policy in force is {current.id!r}, and this one {policy.id!r}.")
        used = {p.version for p in known.values() if p.withdrawn_at is None}
        used |= {policy_shape.load(document, name="a stored policy").version for document in adopted}
        if policy.version in used or policy.digest in known:
            raise PolicyError(
                f"{name}: version {policy.version} of {policy.id} stands for another text, or was withdrawn; a"
                " changed policy needs a new version."
            )
        made = Proposal(policy.digest, policy.id, policy.version, data, why.strip(), by.id, now)
        store.add_proposal(connection, made)
        _write(connection, "policy.propose", made, by, why.strip()[:500], now)
    return made


def open_comments(
    engine: Engine, proposal: Proposal, *, by: Person, top_holders: int, backtest: str, now: datetime
) -> datetime:
    """Open a draft for comments, with its backtest attached; returns until when.

    `top_holders`: how many hold the highest tier, which decides between the small and the standard profile.

    Raises:
        PolicyError: it is no draft.
    """
    with writing(engine) as connection:
        current = _current(connection)
        proposal = _again(connection, proposal)
        life.check_open(proposal)
        until = now + life.comment_time(current, life.profile(current, top_holders=top_holders))
        store.open_comments(connection, proposal.digest, until=until, backtest=backtest)
        _write(connection, "policy.open", proposal, by, f"Comments until {until:%Y-%m-%d}.", now)
    return until


def comment(engine: Engine, proposal: Proposal, *, text: str, by: Person, now: datetime) -> None:
    """Keep what somebody says of a version that is open for comments.

    Raises:
        PolicyError: it is not open, or too little, too much or too often is said.
    """
    with writing(engine) as connection:
        proposal = _again(connection, proposal)
        said = Comment(by.id, text.strip(), now)
        life.check_comment(proposal, store.comments(connection, proposal.digest), said)
        store.add_comment(connection, proposal.digest, said)


def comments(engine: Engine, proposal: Proposal) -> list[Comment]:
    """What was said of a version, oldest first."""
    with reading(engine) as connection:
        return store.comments(connection, proposal.digest)


def forget(connection: Connection, persons: Iterable[str]) -> None:
    """Erase what these persons said of proposed versions, in the transaction of their leaving."""
    for person in persons:
        store.forget_comments(connection, person)


def keep_file(file: Path, policy: QualificationPolicy) -> None:
    """Let the file that people edit say what is in force."""
    draft = file.with_suffix(".new")
    draft.write_bytes(policy.document)
    draft.replace(file)


def approve(
    engine: Engine, proposal: Proposal, *, by: Person, reason: str, now: datetime, role: str = ROLE
) -> int:
    """One person's yes, in a role of theirs; returns how many there are.

    Raises:
        PolicyError: it is not open, or this person approved it before.
    """
    with writing(engine) as connection:
        proposal = _again(connection, proposal)
        life.check_approval(proposal, person=by.id)
        store.add_approval(connection, proposal.digest, Approval(by.id, now))
        _write(connection, "policy.approve", proposal, by, reason, now, role=role)
        return len(proposal.approvals) + 1


def adopt(engine: Engine, proposal: Proposal, *, by: Person, reason: str, now: datetime) -> QualificationPolicy:
    """Put a version in force; the one before is superseded, and stays where it was. Awards are never undone.

    Raises:
        PolicyError: comments are open still, or two people have not approved it.
    """
    with writing(engine) as connection:
        proposal = _again(connection, proposal)
        life.check_adoption(proposal, now=now)
        policy = policy_shape.load(proposal.document, name=f"version {proposal.version}")
        _adopt(connection, policy, now)
        _write(connection, "policy.adopt", proposal, by, reason, now)
    return policy


def withdraw(engine: Engine, proposal: Proposal, *, by: Person, reason: str, now: datetime) -> None:
    """Give a proposal up; its text stays to be read.

    Raises:
        PolicyError: it is in force, or was withdrawn before.
    """
    with writing(engine) as connection:
        proposal = _again(connection, proposal)
        if proposal.adopted_at is not None or proposal.withdrawn_at is not None:
            raise PolicyError(f"Version {proposal.version} is no proposal any more.")
        store.withdraw_proposal(connection, proposal.digest, now=now)
        _write(connection, "policy.withdraw", proposal, by, reason, now)


def matters(engine: Engine, *, now: datetime) -> list[Matter]:
    """Versions whose time for comments is over, and which wait for approvals or to be put in force."""
    with reading(engine) as connection:
        known, adopted = store.all_proposals(connection), store.adoptions(connection)
    current = adopted[-1][0] if adopted else ""
    return [
        Matter(
            kind="approval",
            key=proposal.digest,
            title=f"Version {proposal.version} of the policy: comments are over, {len(proposal.approvals)} of"
            f" {life.APPROVALS} approvals.",
            since=proposal.comments_until or proposal.proposed_at,
            minutes=APPROVAL_MINUTES,
            default="The version in force stays.",
            page=f"/policies/{proposal.digest}.html",
        )
        for proposal in known
        if proposal.state(now=now, in_force=current) == "comments are over"
    ]


def _current(connection: Connection) -> QualificationPolicy:
    documents = store.all_documents(connection)
    if not documents:
        raise PolicyError("No policy is in force yet.")
    return policy_shape.load(documents[-1], name="the policy in force")


def _again(connection: Connection, proposal: Proposal) -> Proposal:
    """As it stands in this transaction."""
    return next(p for p in store.all_proposals(connection) if p.digest == proposal.digest)


def _adopt(connection: Connection, policy: QualificationPolicy, now: datetime) -> None:
    store.add(
        connection,
        digest=policy.digest,
        policy=policy.id,
        version=policy.version,
        data=policy.document,
        now=now,
    )


def _write(
    connection: Connection,
    act: str,
    proposal: Proposal,
    by: Person,
    reason: str,
    now: datetime,
    *,
    role: str = ROLE,
) -> None:
    audit.write(
        connection,
        actor=by.id,
        role=role,
        act=act,
        subject=f"policy {proposal.digest}",
        reason=reason,
        now=now,
        details={"version": proposal.version},
    )
