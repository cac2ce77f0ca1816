"""Every public document of an issuer: path, media type and bytes, the same for a server and for static files.

A verifier needs only these: with them in a folder behind any web host, badges keep verifying while the
issuer's server is off (DESIGN §3, "Static where it can be").
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from issuer.badges import catalogue, picture, preparation, service, status
from issuer.badges.bureau import Bureau
from issuer.badges.model import BY_DECISION, Badge, BadgeError
from issuer.ground import pages
from issuer.recognition import backtest_page, life, sentences, versions
from issuer.recognition import service as recognition
from issuer.recognition.calendar import period_at
from keys import data_integrity, did, jws
from schemas import baking, credential, strict_json
from schemas.claims import claims_of
from schemas.policy import QualificationPolicy, load
from schemas.strict_json import JsonValue

JSON = "application/json"
VC, VC_JWT = "application/vc", "application/vc+jwt"
HTML = "text/html; charset=utf-8"
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_WHILE = "public, max-age=3600"
STATUS = f"public, max-age={int(status.TTL.total_seconds())}"
SHORTLY = "public, max-age=300"
BADGE_PAGE_FILES = ("index.html", "badge.png")  # what a published badge's folder holds


@dataclass(frozen=True, slots=True)
class Document:
    """One public document. `path` begins with a slash; one that ends with a slash is a folder's index."""

    path: str
    media_type: str
    body: bytes
    cache: str = SHORTLY

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'

    @property
    def file(self) -> str:
        """Where it lies below its host's folder; a page without an ending is a folder's index for web hosts."""
        file = self.path.lstrip("/")
        if self.media_type == HTML and not file.endswith((".html", "/")) and file:
            file += "/"
        if file and not file.endswith("/"):
            return file
        return file + ("index.json" if self.media_type == JSON else "index.html")


def all_documents(bureau: Bureau, *, now: datetime) -> Iterator[Document]:
    """Every document that is public now."""
    yield home(bureau, now=now)
    yield stylesheet()
    yield did_document(bureau)
    yield jwks(bureau)
    yield code_page(bureau)
    yield from dictionaries(bureau)
    for number in service.status_list_numbers(bureau.engine):
        yield from status_list(bureau, number, now=now)
    yield from policies(bureau, now=now)
    yield from achievements(bureau, now=now)
    for badge in service.all_badges(bureau.engine):
        if badge.published and badge.state == "in force":
            yield from published_badge(bureau, badge)


def find(bureau: Bureau, path: str, *, now: datetime, accept: str = "") -> Document | None:
    """The document at a path, without making the others. `accept`: what the client can read; it decides in which
    garment a status list comes.
    """
    room, _, rest = path.strip("/").partition("/")
    match room:
        case "status-lists":
            known = rest.isascii() and rest.isdigit()
            made = status_list(bureau, int(rest), now=now, as_token=VC_JWT in accept) if known else iter(())
        case "b":
            made = _published_badge_at(bureau, rest)
        case "dictionaries":
            made = dictionaries(bureau)
        case "policies":
            made = policies(bureau, now=now)
        case "achievements" | "pictures":
            made = achievements(bureau, now=now)
        case _:
            made = iter(
                [home(bureau, now=now), stylesheet(), did_document(bureau), jwks(bureau), code_page(bureau)]
            )
    return next((document for document in made if document.path == path), None)


def home(bureau: Bureau, *, now: datetime) -> Document:
    """What this issuer is, and where its policy stands."""
    newest = _newest_policy(bureau)
    period = period_at(now, newest.period)
    body = pages.render(
        "home.html",
        community=bureau.name,
        did=bureau.did,
        tiers=[
            {
                "words": sentences.tier_in_words(tier),
                "picture": _path(bureau, bureau.addresses.picture(tier.id, period)),
            }
            for tier in newest.tiers
        ],
        credit=_credit_in_words(newest),
        policy=newest,
        policy_page=f"/policies/{newest.digest}.html",
        period=period.name,
    )
    return Document("/", HTML, body.encode())


def stylesheet() -> Document:
    """The look of every page."""
    return Document("/style.css", "text/css; charset=utf-8", pages.STYLESHEET.read_bytes(), FOR_A_WHILE)


def code_page(bureau: Bureau) -> Document:
    """Where a phone's camera lands that reads a badge's QR code: says what it is and who can check it."""
    return Document("/v", HTML, pages.render("code.html", community=bureau.name).encode(), FOR_A_WHILE)


def did_document(bureau: Bureau) -> Document:
    """The issuer's keys for verifiers (did:web)."""
    published = list(bureau.keyset.published())
    document = did.build_document(
        bureau.did,
        keys=[(record.kid, record.public) for record in published if record.use == "badges"],
        proof_keys=[(record.kid, record.public) for record in published if record.use != "badges"],
    )
    return Document("/.well-known/did.json", "application/did+json", _json(document))


def jwks(bureau: Bureau) -> Document:
    """The same keys as a JWK Set, for verifiers that look for one (OB 3.0 implementation guide)."""
    keys: list[JsonValue] = [
        {**record.public.to_jwk(), "kid": record.kid, "use": "sig"} for record in bureau.keyset.published()
    ]
    return Document("/.well-known/jwks.json", "application/jwk-set+json", _json({"keys": keys}))


def status_list(bureau: Bureau, number: int, *, now: datetime, as_token: bool = False) -> Iterator[Document]:
    """One signed status list: a document with its proof inside, or a token for whoever asks for that type."""
    content = service.status_list_content(bureau, number, now=now)
    if content is None:
        return
    path = f"/status-lists/{number}"
    if as_token:
        claims = strict_json.dumps(claims_of(content)).encode()
        yield Document(path, VC_JWT, jws.sign(claims, signer=bureau.status_signer).encode(), STATUS)
    else:
        moment = preparation.whole_seconds(now)
        signed = data_integrity.sign(content, signer=bureau.status_signer, created=moment)
        yield Document(path, VC, _json(signed), STATUS)


def dictionaries(bureau: Bureau) -> Iterator[Document]:
    """Every dictionary that a packed badge may name, and the index of them (DESK §2)."""
    listed: list[JsonValue] = []
    for made, achievement, kid in service.dictionaries(bureau.engine):
        listed.append(
            {
                "id": made.id,
                "sha256": made.sha256,
                "achievement": achievement,
                "kid": kid,
                "size": len(made.file),
            }
        )
        yield Document(f"/dictionaries/{made.id}", "application/octet-stream", made.file, FOR_EVER)
    yield Document("/dictionaries/", JSON, _json({"dictionaries": listed}))


def policies(bureau: Bureau, *, now: datetime) -> Iterator[Document]:
    """Every version of the policy: the document, the same in words, its state and backtest; and their list."""
    adopted = recognition.all_policies(bureau.engine)
    in_force = next(reversed(adopted), "")
    proposed = {p.digest: p for p in versions.proposals(bureau.engine)}
    texts = adopted | {
        p.digest: load(p.document, name="a proposed policy") for p in proposed.values() if p.digest not in adopted
    }
    listed = []
    for policy in texts.values():
        proposal = proposed.get(policy.digest)
        founding = "in force" if policy.digest == in_force else "superseded"
        state = proposal.state(now=now, in_force=in_force) if proposal else founding
        listed.append({"policy": policy, "state": state, "proposal": proposal})
        yield Document(f"/policies/{policy.digest}.yaml", "application/yaml", policy.document, FOR_EVER)
        if proposal is not None and proposal.backtest is not None:
            report = strict_json.loads_object(proposal.backtest)
            shown = backtest_page.page(report, community=bureau.name)
            yield Document(f"/policies/{policy.digest}/backtest.html", HTML, shown.encode(), FOR_A_WHILE)
        words = sentences.policy_in_words(policy)  # tiers, times, kinds
        tiers, kinds = len(policy.tiers), len(words) - len(policy.kinds)
        body = pages.render(
            "policy.html",
            community=bureau.name,
            policy=policy,
            state=state,
            proposal=proposal,
            approvals_needed=life.APPROVALS,
            tiers=words[:tiers],
            credit=_credit_in_words(policy),
            times=words[tiers:kinds],
            kinds=words[kinds:],
        )
        yield Document(f"/policies/{policy.digest}.html", HTML, body.encode())
    body = pages.render("policies.html", community=bureau.name, versions=listed[::-1])
    yield Document("/policies/", HTML, body.encode())


def achievements(bureau: Bureau, *, now: datetime) -> Iterator[Document]:
    """Each achievement as its newest version, and the pictures of each period in which it was awarded."""
    newest = _newest_policy(bureau)
    period = period_at(now, newest.period)
    names = [*(tier.id for tier in newest.tiers), BY_DECISION]
    for name in names:
        made = catalogue.achievement(name, policy=newest, period=period, addresses=bureau.addresses)
        fields = made.model_dump(mode="json", exclude_none=True, by_alias=True)
        body = {"@context": [credential.VC_CONTEXT, credential.OB_CONTEXT], **fields}
        yield Document(f"/achievements/{name}", JSON, _json(body))
    awarded = {badge.award.period for badge in service.all_badges(bureau.engine)} | {period}
    for name in names:
        for when in sorted(awarded, key=lambda p: p.first):
            drawn = picture.draw(catalogue.picture(name, when))
            path = _path(bureau, bureau.addresses.picture(name, when))
            yield Document(path, "image/svg+xml", drawn.encode(), FOR_A_WHILE)


def published_badge(bureau: Bureau, badge: Badge) -> Iterator[Document]:
    """The page of a badge that its holder published, and its picture with the badge inside."""
    if badge.jwt is None:
        return
    read = service.read_own(badge.jwt)
    art = catalogue.picture(badge.award.achievement, badge.award.period, mark=badge.award.mark)
    body = pages.render(
        "public-badge.html",
        community=bureau.name,
        badge=badge,
        address=bureau.addresses.badge_page(badge.short_id),
        title=read.name,
        name=read.credentialSubject.name,
        narrative=read.credentialSubject.narrative,
        achievement=read.credentialSubject.achievement,
        did=bureau.did,
        valid_until=read.validUntil,
        alt=picture.alt_text(art),
    )
    yield Document(f"/b/{badge.short_id}/", HTML, body.encode())
    png = baking.bake_png(picture.to_png(picture.draw(art)), badge.jwt)
    yield Document(f"/b/{badge.short_id}/badge.png", "image/png", png)


def _newest_policy(bureau: Bureau) -> QualificationPolicy:
    known = list(recognition.all_policies(bureau.engine).values())
    if not known:
        raise BadgeError("No policy is in force yet; 'decide' puts one in force.")
    return known[-1]


def _credit_in_words(policy: QualificationPolicy) -> str:
    hours = sentences.number(policy.unit_hours)
    unit = "hour" if hours == "1" else "hours"
    return f"1 credit is about {hours} {unit} of work that somebody else could use, and accepted."


def _path(bureau: Bureau, address: str) -> str:
    return address.removeprefix(bureau.addresses.base)


def _published_badge_at(bureau: Bureau, rest: str) -> Iterator[Document]:
    short_id = rest.partition("/")[0]
    try:
        badge = service.badge_by_id(bureau.engine, f"urn:uuid:{short_id}")
    except BadgeError:
        return
    if badge.published and badge.state == "in force":
        yield from published_badge(bureau, badge)


def _json(value: JsonValue) -> bytes:
    return strict_json.dumps(value).encode()
