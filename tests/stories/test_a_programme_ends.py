"""A community ends its badges: its final archive lets them verify as of that day, and nobody can add to it."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from issuer import cli as issuer_cli
from issuer.badges import awarding, ending, issuance, publishing, service
from issuer.badges.model import Badge, BadgeError
from issuer.delivery import files
from issuer.ground import audit
from issuer.recognition import service as recognition
from keys import did, final_archive, jws
from schemas import strict_json
from tests.unit.issuer.conftest import file_office, quick_passphrase
from tests.unit.issuer.office import NOW, Office
from tests.unit.keys import material
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import DocumentsInMemory
from verifier.app import create_app
from verifier.archive_cli import shelf_of
from verifier.desk.venue import judging
from verifier.ground.documents import NoSource, OfflineFolder
from verifier.ground.settings import Settings
from verifier.registration.events import HolderCode
from verifier.registration.reasons import Reason
from verifier.registration.service import Registration
from verifier.verification import case_file, reading
from verifier.verification.archives import Shelf
from verifier.verification.errors import ReadingError
from verifier.verification.presentations import Expected
from verifier.verification.report import Report
from verifier.verification.service import Verification
from verifier.verification.standing import Lookup
from verifier.verification.verdict import Outcome, State

__all__ = ["file_office", "quick_passphrase"]

ENDED = NOW + timedelta(days=10)
YEARS_LATER = NOW + timedelta(days=5 * 365)
REASON = "The community has merged into another one."


@pytest.fixture
def office(file_office: Office) -> Office:
    for who in ("ada", "cy"):
        file_office.add_changes(who, count=3)
    issue(file_office)
    service.revoke(file_office.engine, badge_of(file_office, "cy"), reason="a mistake", now=NOW)
    return file_office


def issue(office: Office, now: datetime = NOW) -> None:
    decisions = recognition.decide_all(office.engine, office.policy, as_of=now)
    awarding.award_decisions(office.engine, decisions, policy=office.policy, now=now)
    issuance.issue(office.bureau, now=now)


def badge_of(office: Office, who: str) -> Badge:
    person = office.person({"ada": "ada@books.example", "cy": "cy@books.example"}[who])
    return service.badges_of(office.engine, person.id)[0]


@pytest.fixture
def archive(office: Office) -> bytes:
    return ending.sunset(office.bureau, reason=REASON, now=ENDED).body


def later(archive: bytes, *, now: datetime = YEARS_LATER) -> Verification:
    """A verifier that has the archive, when nobody answers for the issuer any more."""
    return Verification(NoSource(), clock=lambda: now, archives=Shelf(carried=final_archive.read(archive)))


def states(report: Report) -> dict[str, State]:
    return {check.id: check.state for check in report.verdict.checks}


@pytest.mark.parametrize("form", ["jwt", "json", "png", "svg", "qr-text", "qr-url", "qr-png"])
def test_a_badge_verifies_as_of_the_day_on_which_its_programme_ended(
    office: Office, archive: bytes, form: files.FileForm
) -> None:
    badge = badge_of(office, "ada")
    assert badge.jwt is not None
    packed = service.packed(office.engine, badge.jwt)
    carried = files.make(badge, form, packed=packed, host=office.bureau.host)

    report = later(archive).verify(carried)

    assert report.verdict.outcome is Outcome.VALID, report.verdict.checks
    assert report.as_of == ENDED and report.checked_at == YEARS_LATER
    said = report.to_json()
    assert said["as_of"] == ENDED.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert json.loads(report.to_text()) == said
    (warning,) = report.verdict.warnings
    assert "ended on" in warning and REASON in warning


def test_its_case_file_leads_to_the_same_verdict(office: Office, archive: bytes) -> None:
    badge = badge_of(office, "ada")
    assert badge.jwt is not None
    report = later(archive).verify(badge.jwt.encode())
    case = strict_json.dumps(case_file.write(report)).encode()
    again = Verification(NoSource(), clock=lambda: YEARS_LATER).recompute(case)
    assert states(again) == states(report) and again.verdict.outcome is Outcome.VALID


def test_the_page_says_as_of_which_day(office: Office, archive: bytes, tmp_path: Path) -> None:
    made = final_archive.read(archive)
    Shelf(tmp_path / "archives").add(archive, sha256=made.sha256, source=NoSource(), now=lambda: YEARS_LATER)
    client = AppClient(create_app(Settings(tmp_path), source=NoSource(), clock=lambda: YEARS_LATER))
    badge = badge_of(office, "ada")
    page = client.post("/verify", data={"text": badge.jwt}, headers={"Accept": "text/html"})
    assert "As of" in page.text and "has ended" in page.text and "Valid" in page.text and REASON in page.text
    for _ in range(2):  # the second time it would be told at once, if it lived
        answer = client.post("/verify", content=(badge.jwt or "").encode(), headers={"Content-Type": "text/plain"})
        assert (answer.json()["verdict"], answer.json()["as_of"][:10]) == ("valid", ENDED.isoformat()[:10])


def test_an_archive_that_was_damaged_on_the_disk_is_said_at_the_start(archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "x.zip").write_bytes(archive[:-100])
    with pytest.raises(ReadingError, match=r"x\.zip cannot be used"):
        create_app(Settings(tmp_path), source=NoSource())


def test_one_that_was_withdrawn_stays_withdrawn_and_a_changed_one_is_none(office: Office, archive: bytes) -> None:
    withdrawn, good = badge_of(office, "cy"), badge_of(office, "ada")
    assert withdrawn.jwt and good.jwt
    assert states(later(archive).verify(withdrawn.jwt.encode()))["status"] is State.FAIL
    changed = good.jwt[:-8] + "AAAAAAAA"
    assert later(archive).verify(changed.encode()).verdict.outcome is Outcome.NOT_VALID


def test_what_was_made_after_the_end_is_not_believed(office: Office, archive: bytes) -> None:
    for who in ("ada",):
        office.add_changes(who, count=9, start=40)
    issue(office, ENDED + timedelta(days=1))
    (newer,) = (
        one for one in service.badges_of(office.engine, badge_of(office, "ada").award.person) if one.standing
    )
    assert newer.jwt is not None
    assert later(archive).verify(newer.jwt.encode()).verdict.outcome is Outcome.NOT_VALID


def test_whoever_has_the_host_later_changes_nothing(office: Office, archive: bytes) -> None:
    """They publish keys of their own, and sign whatever they like with them."""
    site, forged = taken_over(office)
    badge = badge_of(office, "ada")
    assert badge.jwt is not None
    shelf = Shelf(carried=final_archive.read(archive))
    verification = Verification(site, clock=lambda: YEARS_LATER, archives=shelf)
    assert verification.verify(forged.encode()).verdict.outcome is Outcome.NOT_VALID
    assert verification.verify(badge.jwt.encode()).verdict.outcome is Outcome.VALID
    assert verification.verify_credential(forged).verdict.outcome is Outcome.NOT_VALID
    assert verification.verify_credential(badge.jwt).verdict.outcome is Outcome.VALID
    folder = {"type": ["VerifiablePresentation"], "@context": ["https://www.w3.org/ns/credentials/v2"]}
    for token, outcome in ((forged, Outcome.NOT_VALID), (badge.jwt, Outcome.VALID)):
        envelope = {
            "@context": "https://www.w3.org/ns/credentials/v2",
            "id": f"data:application/vc+jwt,{token}",
            "type": "EnvelopedVerifiableCredential",
        }
        shown = strict_json.loads(strict_json.dumps(folder | {"verifiableCredential": [envelope]}).encode())
        report = verification.verify_presentation(shown, expected=Expected())
        assert [one.outcome for one in report.verdict.credentials] == [outcome]


def taken_over(office: Office) -> tuple[DocumentsInMemory, str]:
    """The issuer's host in other hands, and a badge that they made."""
    thief = material.signer("thief", kid=f"{office.bureau.did}#badges-1")
    body = strict_json.dumps(did.build_document(office.bureau.did, keys=[(thief.kid, thief.public)]))
    site = DocumentsInMemory({did.url_of_did_web(office.bureau.did): body.encode()})
    said = strict_json.loads_object(jws.parse(badge_of(office, "ada").jwt or "").payload)
    said.pop("credentialStatus", None)  # they have none of its lists
    return site, jws.sign(strict_json.dumps(said).encode(), signer=thief)


def at_an_event(office: Office, folder: Path, verification: Verification) -> Registration:
    """An event that accepts badges like Ada's, on the day on which their programme ended."""
    subject = strict_json.loads_object(jws.parse(badge_of(office, "ada").jwt or "").payload)["credentialSubject"]
    assert isinstance(subject, dict) and isinstance(subject["achievement"], dict)
    event = folder / "summit.yaml"
    event.write_bytes(
        document(
            accept=[{"issuer": office.bureau.did, "achievement": subject["achievement"]["id"], "percent": 50}],
            foreign=[],
            redeem={"opens": ENDED - timedelta(days=1), "closes": ENDED + timedelta(days=9)},
            period={"policy": "any", "starts": date.fromisoformat(str(subject["term"])[:10])},
            budget={"factor": 1, "frozen_at": date(2020, 1, 1), "eligible": 9, "expected_take_up": 0.5},
        )
    )
    registration = Registration(Settings(folder), verification=verification, clock=lambda: ENDED)
    registration.add_event(event)
    return registration


@pytest.mark.parametrize("whose", ["its own", "forged"])
def test_a_programme_that_ended_gives_no_discount(
    office: Office, archive: bytes, tmp_path: Path, whose: str
) -> None:
    """Neither by the archive nor by what its host says now; desk and page say so before anybody presses."""
    site, forged = taken_over(office)
    badge = badge_of(office, "ada")
    given = (badge.jwt or "") if whose == "its own" else forged
    expected = Reason.NOT_ACCEPTED_HERE if whose == "its own" else Reason.NOT_VALID
    code = HolderCode(office.bureau.holder_code(badge.reference))
    shelf = Shelf(carried=final_archive.read(archive))
    for name, archives in (("living", None), ("ended", shelf)):
        folder = tmp_path / name
        folder.mkdir()
        verification = Verification(site, clock=lambda: ENDED, archives=archives)
        registration = at_an_event(office, folder, verification)
        policy = registration.event("summit-2027")
        answer = registration.redeem(given.encode(), policy=policy, proof=code, request_id="one")
        if archives is None:
            assert (answer.voucher is None) == (whose == "its own"), "that it is accepted but for the archive"
            continue
        look = registration.look(given.encode(), policy=policy)
        offer = registration.offer(reading.read(given.encode()), policy=policy)
        assert answer.voucher is None
        assert [answer.reason, look.acceptance.reason, offer.acceptance.reason] == [expected] * 3
        told = judging.told(verification.verify(given.encode()))  # to a desk's page
        assert (told["outcome"], told["statement"]) == ("unknown" if whose == "its own" else "not_valid", None)


def test_whoever_has_the_host_later_neither_takes_discounts_back_nor_goes_into_a_bundle(
    office: Office, archive: bytes
) -> None:
    site, _ = taken_over(office)
    verification = Verification(
        site, clock=lambda: YEARS_LATER, archives=Shelf(carried=final_archive.read(archive))
    )
    badge, withdrawn = badge_of(office, "ada"), badge_of(office, "cy")
    seen = []
    for one in (badge, withdrawn):
        said = strict_json.loads_object(jws.parse(one.jwt or "").payload)
        entries = said["credentialStatus"]
        entry = entries[0] if isinstance(entries, list) else entries
        assert isinstance(entry, dict)
        kid = jws.parse(one.jwt or "").header.kid or ""
        place = [str(entry[name]) for name in ("type", "statusListCredential", "statusListIndex", "statusPurpose")]
        seen.append(Lookup(office.bureau.did, kid, "", *place))
    assert [finding.state for finding in verification.look_again(seen)] == ["stands", "withdrawn"]
    assert site.asked == []
    assert verification.gather([office.bureau.did], lists={}, achievements=()).did_documents == {}
    assert site.asked == []


def test_unpacked_it_is_a_folder_that_any_host_can_go_on_serving(
    office: Office, archive: bytes, tmp_path: Path
) -> None:
    """Years later: its status lists have no end, so it speaks until badges expire by themselves."""
    with zipfile.ZipFile(io.BytesIO(archive)) as unpacked:
        unpacked.extractall(tmp_path)
        assert "archive add" in unpacked.read("README.txt").decode()
    weeks_later = ENDED + timedelta(days=40)
    badge, withdrawn = badge_of(office, "ada"), badge_of(office, "cy")
    assert badge.jwt and withdrawn.jwt
    static = Verification(OfflineFolder(tmp_path), clock=lambda: weeks_later)
    assert static.verify(badge.jwt.encode()).verdict.outcome is Outcome.VALID
    assert static.verify(withdrawn.jwt.encode()).verdict.outcome is Outcome.NOT_VALID

    publishing.publish(office.bureau, tmp_path / "usual", now=ENDED)
    usual = Verification(OfflineFolder(tmp_path / "usual"), clock=lambda: weeks_later)
    assert usual.verify(badge.jwt.encode()).verdict.outcome is Outcome.UNKNOWN  # its lists did have an end


def test_an_archive_has_everything_public_and_the_history_of_the_keys(office: Office, archive: bytes) -> None:
    read = final_archive.read(archive)
    kinds = {path.split("/")[1] for path in read.files if "/" in path}
    assert {".well-known", "status-lists", "policies", "dictionaries", "achievements"} <= kinds
    assert [key["kid"] for key in read.keys] == [record.kid for record in office.bureau.keyset.records]
    assert all("d" not in key["publicKeyJwk"] for key in read.keys)  # type: ignore[operator]


# --- taking it in -----------------------------------------------------------------------------------------


def test_it_is_taken_in_by_the_announced_number_or_while_its_issuer_still_answers(
    office: Office, archive: bytes, tmp_path: Path
) -> None:
    made, shelf = final_archive.read(archive), Shelf(tmp_path / "archives")
    with pytest.raises(ReadingError, match=r"does not answer.*--sha256"):
        shelf.add(archive, sha256=None, source=NoSource(), now=lambda: YEARS_LATER)
    with pytest.raises(ReadingError, match="not the one that was announced"):
        shelf.add(archive, sha256="0" * 64, source=NoSource(), now=lambda: YEARS_LATER)
    with pytest.raises(ReadingError, match="a day to come"):
        shelf.add(archive, sha256=made.sha256, source=NoSource(), now=lambda: ENDED - timedelta(days=1))
    assert not shelf.archives

    shelf.add(archive, sha256=made.sha256.upper(), source=NoSource(), now=lambda: YEARS_LATER)

    assert list(Shelf(tmp_path / "archives").archives) == [office.bureau.did]
    publishing.publish(office.bureau, tmp_path / "public", now=ENDED)
    other = Shelf(tmp_path / "other")
    other.add(archive, sha256=None, source=OfflineFolder(tmp_path / "public"), now=lambda: YEARS_LATER)
    assert list(other.archives) == [office.bureau.did]


def test_an_older_archive_does_not_take_the_place_of_a_newer_one(office: Office, tmp_path: Path) -> None:
    older = ending.sunset(office.bureau, reason=REASON, now=ENDED).body
    newer = ending.sunset(office.bureau, reason=REASON, now=ENDED + timedelta(days=1)).body
    shelf = Shelf(tmp_path)
    for data in (older, newer):
        digest = final_archive.read(data).sha256
        shelf.add(data, sha256=digest, source=NoSource(), now=lambda: YEARS_LATER)
    with pytest.raises(ReadingError, match="newer archive"):
        shelf.add(older, sha256=final_archive.read(older).sha256, source=NoSource(), now=lambda: YEARS_LATER)
    assert shelf.archives[office.bureau.did].as_of == ENDED + timedelta(days=1)
    assert shelf.remove(office.bureau.did) and not shelf.remove(office.bureau.did)
    assert not Shelf(tmp_path).archives


def test_a_programme_ends_for_a_reason(office: Office) -> None:
    for reason in ("", "  ", "two\nlines", "x" * 401):
        with pytest.raises(BadgeError, match="for a reason"):
            ending.sunset(office.bureau, reason=reason, now=ENDED)


def test_by_its_two_commands(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "final.zip"
    with pytest.raises(SystemExit) as ended:
        issuer_cli.main(["sunset", str(file), "--reason", REASON, "--data", str(office.settings.data), "--json"])
    assert ended.value.code == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sha256"] == final_archive.read(file.read_bytes()).sha256
    assert [row.act for row in audit.entries(office.engine, last=5)][-1] == "issuer.sunset"
    badge = badge_of(office, "ada")
    assert badge.jwt is not None
    verification = Verification(NoSource(), clock=lambda: YEARS_LATER, archives=shelf_of(file))
    assert verification.verify(badge.jwt.encode()).verdict.outcome is Outcome.VALID
    assert replace(verification.verify(badge.jwt.encode()), as_of=None).checked_at > datetime(
        2030, 1, 1, tzinfo=UTC
    )
