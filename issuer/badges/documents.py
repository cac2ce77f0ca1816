"""Every public document of an issuer: path, media type and bytes, the same for a server and for static files.

A verifier needs only these: with them in a folder behind any web host, badges keep verifying while the
issuer's server is off (DESIGN §3, "Static where it can be").
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from issuer.badges import achievements as roll
from issuer.badges import catalogue, picture, preparation, service, state, status
from issuer.badges.bureau import Bureau
from issuer.badges.model import BY_DECISION, Badge, BadgeError
from issuer.badges.state import Standing, State
from issuer.ground import language, pages
from issuer.ground.language import IN_ENGLISH, Voice
from issuer.recognition import backtest_page, life, sentences, versions
from issuer.recognition import service as recognition
from issuer.recognition.calendar import period_at
from keys import browser, data_integrity, did, jws
from schemas import badge_qr, baking, credential, strict_json, timestamps
from schemas.claims import claims_of
from schemas.policy import QualificationPolicy, load
from schemas.strict_json import JsonObject, JsonValue

JSON = "application/json"
VC, VC_JWT = "application/vc", "application/vc+jwt"
HTML = "text/html; charset=utf-8"
TOKEN_ENDING = ".jwt"  # noqa: S105 - of a file's name
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_WHILE = "public, max-age=3600"
STATUS = f"public, max-age={int(status.TTL.total_seconds())}"
SHORTLY = "public, max-age=300"
STATE_TERMS = ("state", "stateReason", "stateSince")  # of ours, in the context of an achievement's document
# What a published badge's folder holds.
BADGE_PAGE_FILES = ("index.html", *(f"index.{code}.html" for code in language.codes()), "badge.png")
_PAGE_IN_A_LANGUAGE = re.compile(r"(?P<page>/.*)\.(?P<code>[a-z]{2,3})\.html", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """One public document. `path` begins with a slash; one that ends with a slash is a folder's index.

    `scripted`: a page that runs our own scripts, which ask for public documents.
    """

    path: str
    media_type: str
    body: bytes
    cache: str = SHORTLY
    scripted: bool = False

    @property
    def file(self) -> str:
        """Where it lies below its host's folder; a page without an ending is a folder's index for web hosts."""
        file = self.path.lstrip("/")
        if self.media_type == HTML and not file.endswith((".html", "/")) and file:
            file += "/"
        if file and not file.endswith("/"):
            return file
        return file + ("index.json" if self.media_type == JSON else "index.html")


def all_documents(bureau: Bureau, *, now: datetime, is_last: bool = False) -> Iterator[Document]:
    """Every document that is public now, as it stands among published files; each page in every language.
    `is_last`: the programme ends, so the status lists have no end.
    """
    voices = [Voice(code) for code in language.known()]
    for say in voices:
        yield home(bureau, now=now, say=say)
        yield code_page(bureau, say=say)
    yield stylesheet()
    yield from scripts()
    yield did_document(bureau)
    yield jwks(bureau)
    yield from dictionaries(bureau)
    yield status_lists(bureau)
    for number in service.status_list_numbers(bureau.engine):
        yield from status_list(bureau, number, now=now, is_last=is_last)
        yield from status_list_token(bureau, number, now=now, is_last=is_last)
    yield from policies(bureau, now=now, voices=voices)
    yield from achievements(bureau, now=now, voices=voices)
    yield from pictures(bureau, now=now)
    for badge in service.all_badges(bureau.engine):
        if badge.published and badge.state == "in force":
            yield from published_badge(bureau, badge, voices=voices)


def find(
    bureau: Bureau, path: str, *, now: datetime, accept: str = "", say: Voice = IN_ENGLISH
) -> Document | None:
    """The document at a path as the server gives it, without making the others. `accept`: what the client can
    read; it decides in which garment a status list comes. `say`: in the language of whoever reads a page.
    """
    named = _PAGE_IN_A_LANGUAGE.fullmatch(path)
    if named is not None and named["code"] in language.known():
        page, say = named["page"], Voice(named["code"])
        folder = page.removesuffix("/index")
        found = (find(bureau, one, now=now, say=say) for one in (f"{page}.html", f"{folder}/", folder))
        return next((document for document in found if document is not None), None)
    room, _, rest = path.strip("/").partition("/")
    if room == "b" and service.SHORT_CODE.fullmatch(rest):
        rest = service.id_of_short_code(bureau.engine, rest)
        path = f"/b/{rest}/"
    match room:
        case "status-lists" if not rest:
            made = iter([status_lists(bureau)])
        case "status-lists":
            number = rest.removesuffix(TOKEN_ENDING)
            known = number.isascii() and number.isdigit()
            if known and number != rest:
                made = status_list_token(bureau, int(number), now=now)
            else:
                made = status_list(bureau, int(rest), now=now, as_token=VC_JWT in accept) if known else iter(())
        case "b":
            made = _published_badge_at(bureau, rest, say)
        case "dictionaries":
            made = dictionaries(bureau)
        case "keys":
            made = scripts()
        case "policies":
            made = policies(bureau, now=now, voices=[say])
        case "achievements":
            made = achievements(bureau, now=now, voices=[say])
        case "pictures":
            made = pictures(bureau, now=now)
        case _:
            first = home(bureau, now=now, say=say, has_server=True)
            made = iter([first, stylesheet(), did_document(bureau), jwks(bureau), code_page(bureau, say=say)])
    wanted = {path, pages.address_in(path, say.code)}
    return next((document for document in made if document.path in wanted), None)


def home(bureau: Bureau, *, now: datetime, say: Voice = IN_ENGLISH, has_server: bool = False) -> Document:
    """What this issuer is, and where its policy stands. `has_server`: people can sign in here."""
    newest = _newest_policy(bureau)
    period = period_at(now, newest.period)
    return _page(
        "/",
        "home.html",
        say,
        has_server=has_server,
        community=bureau.name,
        did=bureau.did,
        tiers=[
            {
                "words": sentences.tier_in_words(tier, say),
                "picture": _path(bureau, bureau.addresses.picture(tier.id, period)),
                "alt": picture.alt_text(catalogue.picture(tier.id, period), say),
            }
            for tier in newest.tiers
        ],
        credit=sentences.credit_in_words(newest, say),
        policy=newest,
        policy_page=f"/policies/{newest.digest}.html",
        period=period.name,
    )


def stylesheet() -> Document:
    """The look of every page."""
    return Document("/style.css", "text/css; charset=utf-8", pages.STYLESHEET.read_bytes(), FOR_A_WHILE)


def code_page(bureau: Bureau, *, say: Voice = IN_ENGLISH) -> Document:
    """Where a phone's camera lands that reads a badge's QR code: verifies it in the page itself (DESK §3)."""
    words = {
        "working": say("Looking at the badge …"),
        "valid": say("Genuine"),
        "not_valid": say("Not valid"),
        "unknown": say("Could not tell"),
        "name": say("Name"),
        "no_name": say("no name in this badge"),
        "issuer": say("Signed by"),
        "until": say("Valid until"),
        "checks": say("What was checked"),
        "no_address": say("It has no address on the web."),
        "nothing_sent": say("Checked in this page: nothing about the badge was sent anywhere."),
        "sentences": browser.sentences(say.code),
    }
    more = {"community": bureau.name, "words": words, "policy": pages.SCRIPTED_POLICY}
    page = _page("/v", "code.html", say, cache=FOR_A_WHILE, **more)
    return replace(page, scripted=True)


def scripts() -> Iterator[Document]:
    """What that page runs: the modules that read and verify a badge, and the package that unpacks it."""
    for path, file in browser.files_of_a_landing_page().items():
        yield Document(path, browser.MEDIA_TYPES[file.suffix], file.read_bytes(), FOR_A_WHILE)


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


def status_list(
    bureau: Bureau, number: int, *, now: datetime, as_token: bool = False, is_last: bool = False
) -> Iterator[Document]:
    """One signed status list: a document with its proof inside, or a token for whoever asks for that type."""
    content = service.status_list_content(bureau, number, now=now, is_last=is_last)
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


def status_lists(bureau: Bureau) -> Document:
    """The index of the status lists, for a desk that will be able to ask nobody."""
    listed: list[JsonValue] = [
        bureau.addresses.status_list(number) for number in service.status_list_numbers(bureau.engine)
    ]
    return Document("/status-lists/", JSON, _json({"status_lists": listed}))


def status_list_token(bureau: Bureau, number: int, *, now: datetime, is_last: bool = False) -> Iterator[Document]:
    """The same as a token under a name of its own: a web host of files cannot be asked for a type, and a browser
    checks a token by itself.
    """
    for token in status_list(bureau, number, now=now, as_token=True, is_last=is_last):
        yield replace(token, path=f"{token.path}{TOKEN_ENDING}")


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


def policies(bureau: Bureau, *, now: datetime, voices: Sequence[Voice] = (IN_ENGLISH,)) -> Iterator[Document]:
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
        for say in voices:
            if proposal is not None and proposal.backtest is not None:
                report = strict_json.loads_object(proposal.backtest)
                path = f"/policies/{policy.digest}/backtest.html"
                shown = backtest_page.page(report, community=bureau.name, say=say, addresses=_addresses(path))
                yield Document(pages.address_in(path, say.code), HTML, shown.encode(), FOR_A_WHILE)
            words = sentences.policy_in_words(policy, say)  # tiers, times, kinds
            tiers, kinds = len(policy.tiers), len(words) - len(policy.kinds)
            yield _page(
                f"/policies/{policy.digest}.html",
                "policy.html",
                say,
                community=bureau.name,
                policy=policy,
                state=state,
                proposal=proposal,
                approvals_needed=life.APPROVALS,
                tiers=words[:tiers],
                credit=sentences.credit_in_words(policy, say),
                times=words[tiers:kinds],
                kinds=words[kinds:],
                badges=sentences.catalogue_in_words(policy, say),
            )
    for say in voices:
        yield _page("/policies/", "policies.html", say, community=bureau.name, versions=listed[::-1])


def achievements(bureau: Bureau, *, now: datetime, voices: Sequence[Voice] = (IN_ENGLISH,)) -> Iterator[Document]:
    """Each achievement as its newest version and with its state, for programs and for people; and their list."""
    period, shown = period_at(now, _newest_policy(bureau).period), list(_achievements(bureau, now=now))
    terms: JsonValue = {term: f"{bureau.addresses.achievement('')}#{term}" for term in STATE_TERMS}
    for one in shown:
        made = catalogue.achievement(one.name, policy=one.policy, period=period, addresses=bureau.addresses)
        fields = made.model_dump(mode="json", exclude_none=True, by_alias=True)
        body = {"@context": [credential.VC_CONTEXT, credential.OB_CONTEXT, terms], **fields, **_said(one.standing)}
        yield Document(f"/achievements/{one.name}", JSON, _json(body))
    for say in voices:
        views = []
        for one in shown:
            art = catalogue.picture(one.name, period, mark=one.mark, per_kind=one.per_kind)
            view = one.view(say) | {
                "picture": _path(bureau, bureau.addresses.picture(one.name, period)),
                "alt": picture.alt_text(art, say),
            }
            views.append(view)
            yield _page(f"/achievements/{one.name}.html", "achievement.html", say, community=bureau.name, one=view)
        yield _page(
            "/achievements/",
            "achievements.html",
            say,
            community=bureau.name,
            awarded=[view for view in views if view["standing"].state is State.ACTIVE],
            others=[view for view in views if view["standing"].state is not State.ACTIVE],
        )


def pictures(bureau: Bureau, *, now: datetime) -> Iterator[Document]:
    """The picture of each achievement in this period, and in each in which something was awarded."""
    period = period_at(now, _newest_policy(bureau).period)
    periods = sorted({*service.periods(bureau.engine), period}, key=lambda one: one.first)
    for one in _achievements(bureau, now=now):
        for when in periods:
            drawn = picture.draw(catalogue.picture(one.name, when, mark=one.mark, per_kind=one.per_kind))
            path = _path(bureau, bureau.addresses.picture(one.name, when))
            yield Document(path, "image/svg+xml", drawn.encode(), FOR_A_WHILE)


@dataclass(frozen=True, slots=True)
class _Public:
    """An achievement that everybody may see: by which policy its words are made, its mark, how it stands."""

    name: str
    policy: QualificationPolicy
    standing: Standing
    mark: str = catalogue.COMMUNITY_MARK
    per_kind: bool = False

    def view(self, say: Voice) -> dict[str, Any]:
        """As pages show it in a language."""
        return {
            "name": self.name,
            "title": catalogue.title_of(self.name, self.policy, say),
            "rule": catalogue.needs(self.name, self.policy, say),
            "policy": self.policy,
            "standing": self.standing,
            "meaning": state.MEANINGS[self.standing.state],
        }


def _achievements(bureau: Bureau, *, now: datetime) -> Iterator[_Public]:
    newest, awarded = _newest_policy(bureau), Standing(State.ACTIVE)
    for tier in newest.tiers:
        yield _Public(tier.id, newest, awarded)
    for entry in roll.public_entries(bureau.engine, now=now):
        mark = catalogue.mark_of_badge(entry.name, entry.policy)
        yield _Public(entry.name, entry.policy, entry.standing, mark, per_kind=True)
    yield _Public(BY_DECISION, newest, awarded)


def _said(standing: Standing) -> JsonObject:
    """A state as an achievement's document says it."""
    said: JsonObject = {"state": str(standing.state)}
    if standing.reason:
        said["stateReason"] = standing.reason
    if standing.since is not None:
        said["stateSince"] = timestamps.show(preparation.whole_seconds(standing.since))
    return said


def published_badge(
    bureau: Bureau, badge: Badge, *, voices: Sequence[Voice] = (IN_ENGLISH,)
) -> Iterator[Document]:
    """The page of a badge that its holder published, and its picture with the badge inside."""
    if badge.jwt is None:
        return
    read, award = service.read_own(badge.jwt), badge.award
    art = catalogue.art(award)
    rules = recognition.all_policies(bureau.engine)[award.policy_digest]
    for say in voices:
        yield _page(
            f"/b/{badge.short_id}/",
            "public-badge.html",
            say,
            community=bureau.name,
            badge=badge,
            address=bureau.addresses.badge_page(badge.short_id),
            title=f"{catalogue.title(award, say)} {award.period.name}",
            name=read.credentialSubject.name,
            narrative=read.credentialSubject.narrative,
            evidence=[one.id for one in read.evidence or () if one.id],
            needs=catalogue.needs(award.achievement, rules, say),
            policy_page=f"/policies/{rules.digest}.html",
            did=bureau.did,
            valid_until=read.validUntil,
            alt=picture.alt_text(art, say),
            code=_code_of(bureau, badge.jwt),
        )
    png = baking.bake_png(picture.to_png(picture.draw(art)), badge.jwt)
    yield Document(f"/b/{badge.short_id}/badge.png", "image/png", png)


def _code_of(bureau: Bureau, token: str) -> str:
    """What follows `/v#` for the page there to verify a badge by itself; nothing for one that fits no code."""
    try:
        packed = service.packed(bureau.engine, token)
    except BadgeError:
        return ""
    return badge_qr.to_url_text(packed, host=bureau.host).partition("#")[2]


def snapshot(path: str, template: str, say: Voice, **context: Any) -> Document:
    """A page that the server makes anew each time, as a file in one language."""
    return _page(path, template, say, **context)


def _page(path: str, template: str, say: Voice, *, cache: str = SHORTLY, **context: Any) -> Document:
    body = pages.render(template, language=say.code, addresses=_addresses(path), **context)
    return Document(pages.address_in(path, say.code), HTML, body.encode(), cache)


def _addresses(path: str) -> dict[str, str]:
    """A page's address in each language. In English it says so, for those whose browser asks for another one."""
    return {code: f"{pages.address_in(path, code)}?lang={code}" for code in language.known()}


def _newest_policy(bureau: Bureau) -> QualificationPolicy:
    known = list(recognition.all_policies(bureau.engine).values())
    if not known:
        raise BadgeError("No policy is in force yet; 'decide' puts one in force.")
    return known[-1]


def _path(bureau: Bureau, address: str) -> str:
    return address.removeprefix(bureau.addresses.base)


def _published_badge_at(bureau: Bureau, rest: str, say: Voice) -> Iterator[Document]:
    short_id = rest.partition("/")[0]
    try:
        badge = service.badge_by_id(bureau.engine, f"urn:uuid:{short_id}")
    except BadgeError:
        return
    if badge.published and badge.state == "in force":
        yield from published_badge(bureau, badge, voices=[say])


def _json(value: JsonValue) -> bytes:
    return strict_json.dumps(value).encode()
