"""A day at a venue: handed over, redeemed at the hub, cut off, taken over, handed back; never two who decide."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas import identity, strict_json
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.desk.desks import DeskSimulator, signature
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.registration.test_outbox import SHOP, ShopInMemory
from tests.unit.verifier.simulator import (
    HOLDER_CODE,
    NOW,
    REFERENCE,
    Clock,
    DocumentsInMemory,
    IssuerSimulator,
    references,
)
from verifier import app as apps
from verifier.desk.errors import EpochError
from verifier.desk.formats import epochs, tokens
from verifier.desk.service import AT_THE_COMMAND_LINE, Actor
from verifier.desk.venue import told
from verifier.desk.venue.service import Venue
from verifier.ground import audit
from verifier.ground.database import DatabaseError, reading
from verifier.ground.settings import Settings
from verifier.registration import authority
from verifier.registration.aftercare import NotReleasableError, cases
from verifier.registration.aftercare.releasing import Releasing
from verifier.registration.outbox import Outbox

EVENT = "summit-2027"
ISSUER = IssuerSimulator(revoked={7})
REDEEM = f"/events/{EVENT}/redemptions"
BY_LEAD = Actor("staff-1", "lead", "the hub fell into the sea")
PROVISIONAL = {"provisional_at_desk": {"per_desk": 3, "value_each": 400}}


def badge(reference: str = REFERENCE, **changed: Any) -> str:
    return ISSUER.token(ISSUER.document(reference=reference, **changed))


class Venues:
    """An office, two machines that can be hubs, and desks."""

    def __init__(self, folder: Path, *, database: dict[str, Any] | None = None, **changes: Any) -> None:
        self.folder, self.clock = folder, Clock()
        index = strict_json.dumps({"status_lists": [ISSUER.list_url]}).encode()
        documents = DocumentsInMemory.of([ISSUER])
        documents.documents[f"{ISSUER.base}/status-lists/"] = index
        self.settings = Settings(folder / "office", public_url="https://verify.example", **(database or {}))
        self.app = apps.create_app(self.settings, source=documents, clock=self.clock)
        self.office = AppClient(self.app)
        self.registration = self.app.state.registration
        self.venue = Venue(self.registration, clock=self.clock)
        file = folder / "summit.yaml"
        file.write_bytes(document(**PROVISIONAL, **changes))
        self.registration.add_event(file)
        self.hubs: list[Any] = []

    def key_of_hub(self, name: str) -> Any:
        registration = self.machine(name)
        return Venue(registration, clock=self.clock).keys.signer("hub").public

    def machine(self, name: str) -> Any:
        from verifier.ground.documents import NoSource
        from verifier.registration.service import Registration
        from verifier.verification.service import Verification

        made = Registration(
            Settings(self.folder / name), verification=Verification(NoSource(), clock=self.clock), clock=self.clock
        )
        self.hubs.append(made)
        return made

    def hub(self, name: str) -> AppClient:
        """The machine's application, once it took in the newest bundle."""
        self.take_in(name)
        app = apps.create_hub_app(Settings(self.folder / name), event=EVENT, clock=self.clock)
        self.hubs.append(app.state.registration)
        return AppClient(app)

    def take_in(self, name: str) -> None:
        made = self.venue.bundles.make(EVENT)
        Venue(self.machine(name), clock=self.clock).bundles.take_in(made.token, pinned=made.pinned)

    def of_hub(self, name: str) -> Venue:
        return Venue(self.machine(name), clock=self.clock)

    def desk(self, name: str, *, rights: Any = ("scan",), at: AppClient | None = None) -> DeskSimulator:
        secret = self.venue.devices.make_enrolment(EVENT, name=name, rights=rights)
        desk = DeskSimulator(name, clock=self.clock)
        assert desk.enrol(at or self.office, secret).status_code == 201
        return desk

    def hand_over(self, name: str = "hub") -> str:
        return self.venue.handover.hand_over(EVENT, self.key_of_hub(name), url=f"https://{name}.example")

    def online(self, token: str, *, request_id: str = "online") -> Any:
        return self.office.post(
            REDEEM, json={"badge": token, "holder_code": HOLDER_CODE}, headers={"Idempotency-Key": request_id}
        )

    def close(self) -> None:
        for registration in (self.registration, *self.hubs):
            if registration._engine is not None:
                registration.engine.dispose()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: dict[str, Any]) -> Iterator[Venues]:
    """The office on both databases; a hub is one machine, and has a file."""
    monkeypatch.setattr("keys.custody.SCRYPT_N", 1 << 10)
    made = Venues(tmp_path, database=database)
    yield made
    made.close()


@pytest.fixture
def handed(world: Venues) -> tuple[Venues, AppClient, DeskSimulator, DeskSimulator]:
    """Two desks, one of them a lead's, and a hub that decides."""
    one, lead = world.desk("Door 1"), world.desk("Lead", rights=("lead",))
    statement = world.hand_over()
    for desk in (one, lead):
        desk.follow([statement])
    return world, world.hub("hub"), one, lead


# Who decides


def test_after_handing_over_the_office_grants_nothing_and_says_so_calmly(world: Venues) -> None:
    assert world.online(badge(), request_id="before").status_code == 201
    world.hand_over()

    answer = world.online(badge(next(references())))
    assert answer.status_code == 503
    assert answer.json()["reason"] == "venue_decides"
    assert "venue’s desk decides now" in answer.json()["detail"]
    assert world.office.get(f"/desk-api/now?event={EVENT}").json()["decides"] is False


def test_a_release_at_the_office_waits_until_the_hub_handed_back(world: Venues) -> None:
    """What the office freed meanwhile, the hub could grant again by the next bundle: there is one authority."""
    voucher = world.online(badge()).json()["voucher"]
    one = world.desk("Door 1")
    one.follow([world.hand_over()])
    releasing = Releasing(world.registration, clock=world.clock)
    said: Any = {"actor": "staff-1", "why": "not wanted any more", "withdrawn_in_shop": True}

    with pytest.raises(NotReleasableError, match="hub at the venue decides"):
        releasing.release(EVENT, voucher, **said)
    hub = world.hub("hub")
    assert one.redeem(hub, badge()).json()["reason"] == "already_redeemed"
    world.venue.handover.take_back(world.of_hub("hub").handover.hand_back(EVENT))
    assert releasing.release(EVENT, voucher, **said).state == "released"
    assert world.online(badge(), request_id="again").status_code == 201


def test_what_was_answered_before_is_answered_again_after_handing_over(world: Venues) -> None:
    before = world.online(badge()).json()["voucher"]
    world.hand_over()

    assert world.online(badge()).json()["voucher"] == before


def test_the_hub_grants_once_and_repeats_its_answer(handed: Any) -> None:
    _, hub, one, lead = handed
    first, again = (one.redeem(hub, badge()) for _ in range(2))
    other = lead.redeem(hub, badge(), request_id="two")

    assert (first.status_code, first.json()["percent"], first.json()["voucher"]) == (201, 50, None)
    assert (again.status_code, again.json()["reason"]) == (201, "granted")
    assert (other.status_code, other.json()["reason"]) == (409, "already_redeemed")


def test_an_address_compared_with_the_order_is_taken_where_the_event_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keys.custody.SCRYPT_N", 1 << 10)
    desks = {"desk": ["name_against_id", "mail_against_order"], "online": ["holder_code"]}
    world = Venues(tmp_path, proof_of_holding=desks)
    try:
        one = world.desk("Door 1")
        one.follow([world.hand_over()])
        hub = world.hub("hub")
        document = ISSUER.document(name=None)
        mail = identity.hashed("ada@example.org", identity_type="emailAddress", salt="a-salt")
        document["credentialSubject"]["identifier"].append(mail.model_dump(exclude_none=True))
        token = ISSUER.token(document)

        def redeem(key: str, **proof: Any) -> Any:
            body = {"badge": token, **proof}
            return one.ask(hub, "POST", REDEEM, json=body, headers={"Idempotency-Key": key})

        assert redeem("a", name_against_id=True).json()["reason"] == "no_name_in_badge"
        assert redeem("b", mail_against_order=False).json()["reason"] == "address_not_confirmed"
        assert redeem("c", mail_against_order=True, name_against_id=True).status_code == 400
        assert redeem("d", mail_against_order="ada@example.org").status_code == 400, "the address comes nowhere"
        assert redeem("e", mail_against_order=True).json()["reason"] == "granted"
        stranger = {"badge": token, "mail_against_order": True}
        assert world.office.post(REDEEM, json=stranger, headers={"Idempotency-Key": "f"}).status_code == 401
    finally:
        world.close()


def test_a_badge_with_its_proof_inside_is_judged_for_the_page_and_redeemed(handed: Any) -> None:
    _, hub, one, _ = handed
    secured = strict_json.dumps(ISSUER.secured())

    found = one.ask(hub, "POST", "/desk-api/look", json={"badge": secured}).json()
    assert found["outcome"] == "valid" and {check["state"] for check in found["checks"]} == {"pass"}
    assert (found["statement"]["name"], found["statement"]["references"]) == ("Ada Example", [REFERENCE])
    assert one.redeem(hub, secured).json()["reason"] == "granted"
    changed = ISSUER.secured() | {"name": "Eve"}
    refused = one.ask(hub, "POST", "/desk-api/look", json={"badge": strict_json.dumps(changed)}).json()
    assert (refused["outcome"], refused["statement"]) == ("not_valid", None)
    assert one.ask(hub, "POST", "/desk-api/look", json={"badge": "{}"}).status_code == 422
    assert one.ask(hub, "POST", "/desk-api/look", json={"badge": 1}).status_code == 400
    assert hub.post("/desk-api/look", json={"badge": secured}).status_code == 401


def test_two_desks_may_use_the_same_key_for_their_requests(handed: Any) -> None:
    _, hub, one, lead = handed
    names = references()

    assert one.redeem(hub, badge(next(names))).status_code == 201
    assert lead.redeem(hub, badge(next(names))).status_code == 201


def test_what_was_redeemed_online_is_redeemed_at_the_hub(world: Venues) -> None:
    one = world.desk("Door 1")
    assert world.online(badge()).status_code == 201
    one.follow([world.hand_over()])
    hub = world.hub("hub")

    assert one.redeem(hub, badge()).json()["reason"] == "already_redeemed"


def test_a_hub_to_which_nobody_handed_over_grants_nothing(world: Venues) -> None:
    one, hub = world.desk("Door 1"), world.hub("hub")

    answer = one.redeem(hub, badge())
    assert (answer.status_code, answer.json()["reason"]) == (503, "online_decides")
    assert hub.get(f"/desk-api/now?event={EVENT}").json()["decides"] is False


def test_the_hub_refuses_as_the_office_would(handed: Any) -> None:
    _, hub, one, _ = handed
    revoked = one.redeem(hub, badge(index=7), request_id="a")
    other_period = one.redeem(hub, badge(starts="2026-01-01"), request_id="b")
    nameless = one.redeem(hub, badge(name=None), request_id="c")

    assert [answer.json()["reason"] for answer in (revoked, other_period, nameless)] == [
        *("not_valid", "other_period", "no_name_in_badge")
    ]


def test_the_hub_judges_for_as_long_as_its_lists_are_good(handed: Any) -> None:
    world, hub, one, _ = handed
    world.clock.pass_by(hours=47)
    assert one.redeem(hub, badge()).status_code == 201
    world.clock.pass_by(hours=30)
    assert one.redeem(hub, badge(next(references())), request_id="late").json()["reason"] == "could_not_tell"


# Desks


def test_nobody_but_an_enrolled_desk_redeems_at_the_hub(handed: Any) -> None:
    _, hub, _, _ = handed
    answer = hub.post(
        REDEEM, json={"badge": badge(), "holder_code": HOLDER_CODE}, headers={"Idempotency-Key": "x"}
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "signature_missing")


def test_a_name_compared_with_an_id_is_a_desk_s_word_only(world: Venues) -> None:
    answer = world.office.post(
        REDEEM, json={"badge": badge(), "name_against_id": True}, headers={"Idempotency-Key": "x"}
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "signature_missing")


def test_a_desk_redeems_at_the_office_while_it_decides(world: Venues) -> None:
    one = world.desk("Door 1")
    answer = one.redeem(world.office, badge())

    assert answer.status_code == 201
    assert answer.json()["voucher"]


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"path": "/events/other/redemptions"}, 401, "signature_wrong"),
        ({"method": "GET"}, 401, "signature_wrong"),
        ({"body": "AAAA"}, 401, "signature_wrong"),
        ({"desk": "another"}, 401, "signature_wrong"),
        ({"event": "another"}, 401, "unknown_desk"),
        ({"jti": ""}, 401, "signature_wrong"),
        ({"jti": "x" * 65}, 401, "signature_wrong"),
        ({"epoch": -1}, 401, "signature_wrong"),
        ({"iat": int(NOW.timestamp()) - 301}, 401, "clock"),
        ({"iat": int(NOW.timestamp()) + 301}, 401, "clock"),
        ({"iat": "now"}, 401, "signature_wrong"),
        ({"epoch": 2}, 503, "newer_epoch"),
    ],
)
def test_a_request_signed_for_something_else_grants_nothing(
    handed: Any, changed: dict[str, Any], status: int, code: str
) -> None:
    _, hub, one, _ = handed
    answer = one.redeem(hub, badge(), **changed)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert one.redeem(hub, badge(), request_id="then").status_code == 201


def test_a_wrong_clock_is_told_the_right_time(handed: Any) -> None:
    _, hub, one, _ = handed
    answer = one.redeem(hub, badge(), iat=0)

    assert answer.json()["time"] == "2027-02-01T09:00:00Z"
    assert "set the clock" in answer.json()["detail"]


def test_another_desk_s_key_signs_for_nobody_else(handed: Any) -> None:
    _, hub, one, lead = handed
    forged = signature(lead.signer.named(one.id), method="GET", path="/desk-api/bundle", now=NOW, changed={})

    answer = hub.get("/desk-api/bundle", headers={"Desk-Signature": forged})
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_wrong")


def test_a_replayed_request_is_refused_and_a_repetition_is_not(handed: Any) -> None:
    _, hub, one, _ = handed
    signed = signature(one.signer, method="GET", path="/desk-api/bundle", now=NOW, changed={"epoch": 1})
    first, again = (hub.get("/desk-api/bundle", headers={"Desk-Signature": signed}) for _ in range(2))

    assert first.status_code == 200
    assert (again.status_code, again.json()["code"]) == (401, "replayed")
    assert [one.redeem(hub, badge(), jti="same").status_code for _ in range(2)] == [201, 201]
    assert one.redeem(hub, badge(), jti="same", request_id="other").json()["code"] == "replayed"


def test_a_revoked_desk_redeems_nothing_any_more(handed: Any) -> None:
    world, hub, one, _ = handed
    world.of_hub("hub").devices.revoke(EVENT, one.id, by=BY_LEAD)

    answer = one.redeem(hub, badge())
    assert (answer.status_code, answer.json()["code"]) == (403, "revoked")


def test_the_bundle_is_fetched_once_and_then_only_if_there_is_a_newer_one(handed: Any) -> None:
    _, hub, one, _ = handed
    first = one.ask(hub, "GET", "/desk-api/bundle")
    again = one.ask(hub, "GET", "/desk-api/bundle", headers={"If-None-Match": first.headers["etag"]})

    assert first.text.count(".") == 2
    assert (again.status_code, again.text) == (304, "")


def test_a_page_from_another_machine_may_ask(handed: Any) -> None:
    _, hub, _, _ = handed
    for path in (REDEEM, "/desk-api/journal"):
        preflight = hub.options(path, headers={"Origin": "https://verify.example"})
        assert preflight.status_code == 204
        assert "Desk-Signature" in preflight.headers["access-control-allow-headers"]
    assert hub.get(f"/desk-api/now?event={EVENT}").headers["access-control-allow-origin"] == "*"


# Enrolment


def test_a_secret_enrols_one_device_once(world: Venues) -> None:
    secret = world.venue.devices.make_enrolment(EVENT, name="Door 1", cap=2)
    one, other = DeskSimulator("a", clock=world.clock), DeskSimulator("b", clock=world.clock)

    first = one.enrol(world.office, secret)
    assert (first.status_code, first.json()["cap"], first.json()["rights"]) == (201, 2, ["scan"])
    again = one.enrol(world.office, secret)
    assert (again.status_code, again.json()["desk"]) == (200, first.json()["desk"])
    assert other.enrol(world.office, secret).status_code == 403
    assert other.enrol(world.office, "guess").status_code == 403


def test_a_secret_is_good_for_its_time_only(world: Venues) -> None:
    secret = world.venue.devices.make_enrolment(EVENT, name="Door 1", lasting=timedelta(minutes=5))
    world.clock.pass_by(minutes=5)

    answer = DeskSimulator("a", clock=world.clock).enrol(world.office, secret)
    assert answer.status_code == 403
    assert "is over" in answer.json()["detail"]


@pytest.mark.parametrize(
    "jwk", [None, {}, {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]
)
def test_a_key_that_no_desk_can_have_is_refused(world: Venues, jwk: object) -> None:
    secret = world.venue.devices.make_enrolment(EVENT, name="Door 1")

    assert world.office.post("/desk-api/enrol", json={"secret": secret, "jwk": jwk}).status_code == 403


def test_enrolling_and_revoking_stand_in_the_audit_log(world: Venues) -> None:
    one = world.desk("Door 1")
    world.venue.devices.revoke(EVENT, one.id, by=BY_LEAD)
    acts = [entry.act for entry in audit.entries(world.registration.engine, event=EVENT)]

    assert acts == ["desk.enrolment", "desk.enrol", "desk.revoke"]


# Journals


def test_the_same_entries_again_change_nothing_and_gaps_are_told(handed: Any) -> None:
    _, hub, one, _ = handed
    names = references()
    for number in range(4):
        one.grant_provisionally(next(names), f"request {number}")
    kept = list(one.entries)
    one.entries = [kept[3], kept[0]]
    assert one.send(hub).json()["has"][one.id] == {"upto": 1, "last": 4, "gaps": [[2, 3]], "forks": []}
    one.entries = kept
    for _ in range(2):
        assert one.send(hub).json()["has"][one.id] == {"upto": 4, "last": 4, "gaps": [], "forks": []}


def test_an_entry_that_is_not_the_desk_s_is_refused_by_itself(handed: Any) -> None:
    _, hub, one, lead = handed
    good = one.grant_provisionally(REFERENCE, "one")
    lead.signer = lead.signer.named(one.id)
    forged = lead.enter("opened")
    one.entries = [forged, "e30.e30.AAEC", good]

    answer = one.send(hub).json()
    assert [refused["index"] for refused in answer["refused"]] == [0, 1]
    assert answer["has"][one.id]["upto"] == 1


def test_a_provisional_grant_that_was_sent_is_known_at_the_hub(handed: Any) -> None:
    _, hub, one, lead = handed
    one.grant_provisionally(REFERENCE, "one")
    one.send(hub)

    assert lead.redeem(hub, badge()).json()["reason"] == "already_redeemed"
    one.enter("undo", request_id="one", reason="another person")
    one.send(hub)
    assert lead.redeem(hub, badge(), request_id="two").status_code == 201


def test_desks_hear_what_others_entered(handed: Any) -> None:
    _, hub, one, lead = handed
    entry = one.grant_provisionally(REFERENCE, "one")
    one.send(hub)

    told = lead.ask(hub, "GET", "/desk-api/journal?after=0").json()
    assert [found["entry"] for found in told["entries"]] == [entry]
    later = lead.ask(hub, "GET", f"/desk-api/journal?after={told['next']}").json()
    assert later == {"entries": [], "next": told["next"]}


def test_the_report_names_both_desks_of_a_conflict(handed: Any) -> None:
    world, hub, one, lead = handed
    one.redeem(hub, badge(), request_id="at the hub")
    one.grant(REFERENCE, "at the hub")
    world.clock.pass_by(minutes=-5)
    lead.grant_provisionally(REFERENCE, "cut off")
    for desk in (lead, one):
        desk.send(hub)

    report = world.of_hub("hub").logbook.report(EVENT).to_json()
    (conflict,) = report["conflicts"]
    assert (conflict["first"]["source"], conflict["first"]["name"]) == ("hub", "Door 1")
    assert (conflict["second"]["source"], conflict["second"]["name"]) == ("offline", "Lead")
    assert conflict["second"]["value"] == 400
    assert report["rings"] == {"online": 0, "hub": 1, "offline": 0}
    assert report["worst_case"] == 2 * 3 * 400


def twice(world: Venues, hub: AppClient, one: DeskSimulator, lead: DeskSimulator) -> None:
    """One holder gets it at a desk that is cut off, and at the hub."""
    one.redeem(hub, badge(), request_id="at the hub")
    one.grant(REFERENCE, "at the hub")
    world.clock.pass_by(minutes=-5)
    lead.grant_provisionally(REFERENCE, "cut off")
    for desk in (lead, one):
        desk.send(hub)


def test_a_conflict_opens_one_case_with_both_desks_times_and_values(handed: Any) -> None:
    world, hub, one, lead = handed
    twice(world, hub, one, lead)
    for desk in (lead, one, lead):
        desk.send(hub)
    at_hub = world.of_hub("hub")
    engine = at_hub.registration.engine

    (case,) = cases.listed(EVENT, engine=engine)
    assert (case.kind, case.subject) == ("given_twice", f"{lead.id}/cut off")
    assert case.sentence == (
        "Twice: first Door 1 at 2027-02-01T09:00:00Z (granted, 50 %);"
        " then Lead at 2027-02-01T08:55:00Z (provisional, 50 %, worth 400)"
    )
    opened = audit.entries(engine, event=EVENT)[-1]
    assert (opened.act, opened.actor, opened.reason) == ("case.open", "the desks' journals", case.sentence)
    report = at_hub.logbook.report(EVENT)
    assert report.wants_a_person
    assert (report.to_json()["conflicts"][0]["case"], report.to_json()["conflicts"][0]["decided"]) == (1, None)


def test_a_person_s_decision_is_written_down_and_stays_whatever_is_merged_again(handed: Any) -> None:
    world, hub, one, lead = handed
    twice(world, hub, one, lead)
    at_hub = world.of_hub("hub")
    engine = at_hub.registration.engine
    cases.close(EVENT, 1, actor="AE", why="two people, one badge: left as it is", engine=engine)
    lead.send(hub)

    assert cases.listed(EVENT, engine=engine) == ()
    report = at_hub.logbook.report(EVENT)
    assert not report.wants_a_person
    assert list(told.lines(report))[-2].endswith("[case 1, closed: two people, one badge: left as it is]")
    decided = audit.entries(engine, event=EVENT)[-1]
    assert (decided.act, decided.actor) == ("case.close", "AE")
    assert "Lead at" in str(decided.details["case"]) and "worth 400" in str(decided.details["case"])


@pytest.mark.parametrize("decided", [False, True])
def test_the_office_has_the_hub_s_cases_once_and_what_was_decided_in_them(handed: Any, decided: bool) -> None:
    world, hub, one, lead = handed
    twice(world, hub, one, lead)
    at_hub = world.of_hub("hub")
    if decided:
        cases.close(EVENT, 1, actor="AE", why="left as it is", engine=at_hub.registration.engine)
    file = at_hub.handover.hand_back(EVENT)
    for _ in range(2):
        world.venue.handover.take_back(file)

    (case,) = cases.listed(EVENT, engine=world.registration.engine, closed=True)
    assert (case.kind, case.redemption_id) == ("given_twice", 1)
    assert (case.closed_by, case.why) == (("AE", "left as it is") if decided else (None, None))
    if decided:
        assert not world.venue.logbook.report(EVENT).wants_a_person
    assert len(Releasing(world.registration).grants(EVENT)) == 1, "nothing was given or taken back by it"


def test_a_cut_off_double_that_comes_late_opens_a_case_at_the_office(handed: Any) -> None:
    world, _, one, lead = handed
    world.venue.handover.take_back(world.of_hub("hub").handover.hand_back(EVENT))
    for desk in (one, lead):
        desk.grant_provisionally(REFERENCE, "cut off")
        for _ in range(2):
            desk.send(world.office)

    (case,) = cases.listed(EVENT, engine=world.registration.engine)
    assert case.sentence.count("provisional") == 2 and case.sentence.count("worth 400") == 2
    states = [grant.state for grant in Releasing(world.registration).grants(EVENT)]
    assert states == ["granted"], "an honest holder keeps it"


def test_a_copied_device_and_one_over_its_cap_open_a_case_each(handed: Any) -> None:
    world, hub, one, lead = handed
    for number, reference in zip(range(5), references(), strict=False):
        one.grant_provisionally(reference, str(number))
    lead.enter("note", reason="one", initials="AE")
    copied, lead.entries = lead.entries, []
    lead.enter("note", reason="another", initials="AE")
    lead.entries += copied
    for desk in (one, lead, one):
        desk.send(hub)

    engine = world.of_hub("hub").registration.engine
    found = [(case.kind, case.subject) for case in cases.listed(EVENT, engine=engine)]
    assert found == [("over_the_cap", one.id), ("journal_forked", f"{lead.id}/1")]


def test_more_than_the_cap_is_told(handed: Any) -> None:
    world, hub, one, _ = handed
    for number, reference in zip(range(5), references(), strict=False):
        one.grant_provisionally(reference, str(number))
    one.send(hub)

    assert world.of_hub("hub").logbook.report(EVENT).provisional_over_cap == {one.id: 2}


# Undoing


def test_a_desk_undoes_its_own_and_a_lead_anybody_s(handed: Any) -> None:
    _, hub, one, lead = handed
    one.redeem(hub, badge(), request_id="one")
    said = {"request_id": "one", "reason": "wrong person", "initials": "AE"}

    assert lead.ask(hub, "POST", "/desk-api/undo", json=said).status_code == 404
    assert lead.ask(hub, "POST", "/desk-api/undo", json=said | {"desk": one.id}).status_code == 200
    assert lead.redeem(hub, badge(), request_id="again").status_code == 201
    refused = one.ask(hub, "POST", "/desk-api/undo", json=said | {"request_id": "again", "desk": lead.id})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_a_lead")
    assert one.ask(hub, "POST", "/desk-api/undo", json=said).status_code == 409


# Handing back


def test_what_the_hub_granted_reaches_the_office_once(handed: Any) -> None:
    world, hub, one, lead = handed
    names = references()
    first, second, third = (next(names) for _ in range(3))
    one.redeem(hub, badge(first), request_id="1")
    one.grant(first, "1")
    lead.redeem(hub, badge(second), request_id="1")
    lead.grant_provisionally(third, "2")
    for desk in (one, lead):
        desk.send(hub)
    file = world.of_hub("hub").handover.hand_back(EVENT)

    assert one.redeem(hub, badge(next(names)), request_id="late").json()["reason"] == "online_decides"
    assert world.online(badge(next(names))).json()["reason"] == "venue_decides"
    imported = [world.venue.handover.take_back(file) for _ in range(2)]
    assert [(found.grants, found.new_grants, found.conflicts) for found in imported] == [(2, 2, 0), (2, 0, 0)]
    with reading(world.registration.engine) as connection:
        assert len(authority.grants(connection, event=EVENT)) == 3
    for reference in (first, second, third):
        assert world.online(badge(reference), request_id=reference).json()["reason"] == "already_redeemed"
    assert world.online(badge(next(names)), request_id="fresh").status_code == 201
    assert world.of_hub("hub").handover.hand_back(EVENT) == file


def test_a_file_with_a_line_missing_is_not_taken_in(handed: Any) -> None:
    world, hub, one, _ = handed
    one.redeem(hub, badge())
    one.grant(REFERENCE, "one")
    one.send(hub)
    file = world.of_hub("hub").handover.hand_back(EVENT)

    with pytest.raises(EpochError, match="a part is missing"):
        world.venue.handover.take_back("\n".join(file.split("\n")[:-2]) + "\n")
    assert world.online(badge(next(references()))).json()["reason"] == "venue_decides"


def test_the_statement_alone_does_not_open_the_office(handed: Any) -> None:
    """Desks carry statements faster than a person carries the file."""
    world, _, _, _ = handed
    file = world.of_hub("hub").handover.hand_back(EVENT)
    statement = file.partition("\n")[0]

    assert world.office.post("/desk-api/epochs", json={"epochs": [statement]}).status_code == 200
    assert world.online(badge()).json()["reason"] == "waiting_for_desks"
    world.venue.handover.take_back(file)
    assert world.online(badge()).status_code == 201


def test_a_journal_that_comes_late_is_settled_at_the_office(handed: Any) -> None:
    world, _, one, _ = handed
    world.venue.handover.take_back(world.of_hub("hub").handover.hand_back(EVENT))
    one.grant_provisionally(REFERENCE, "cut off")
    one.send(world.office)

    assert world.online(badge()).json()["reason"] == "already_redeemed"
    with reading(world.registration.engine) as connection:
        assert [grant.proof for grant in authority.grants(connection, event=EVENT)] == ["offline"]


# Taking over


def test_a_lead_takes_over_and_the_new_hub_first_hears_every_desk(handed: Any) -> None:
    world, hub, one, lead = handed
    one.redeem(hub, badge())
    one.grant(REFERENCE, "one")
    spare = world.hub("spare")
    statement = lead.take_over(world.key_of_hub("spare"))

    told = spare.post("/desk-api/epochs", json={"epochs": [statement]}).json()
    assert (told["epoch"], told["decides"]) == (2, False)
    assert set(told["waiting_for"]) == {one.id, lead.id}
    lead.follow([statement])
    assert lead.redeem(spare, badge(next(references()))).json()["reason"] == "waiting_for_desks"
    lead.send(spare)
    assert lead.redeem(spare, badge(next(references()))).json()["reason"] == "waiting_for_desks"
    one.follow([statement])
    one.send(spare)
    assert lead.redeem(spare, badge(next(references()))).status_code == 201
    assert lead.redeem(spare, badge(), request_id="known").json()["reason"] == "already_redeemed"


def test_an_empty_hand_is_no_answer_to_the_roll_call(handed: Any) -> None:
    world, hub, one, lead = handed
    one.redeem(hub, badge())
    one.grant(REFERENCE, "one")
    spare, statement = world.hub("spare"), lead.take_over(world.key_of_hub("spare"))
    spare.post("/desk-api/epochs", json={"epochs": [statement]})
    for desk in (one, lead):
        desk.follow([statement])
    lead.send(spare)

    for last in ({}, {"last": 1}):
        one.ask(spare, "POST", "/desk-api/journal", json={"entries": list[str](), **last})
        assert spare.get(f"/desk-api/now?event={EVENT}").json()["waiting_for"] == [one.id]


def test_a_lost_desk_is_revoked_and_then_nobody_waits_for_it(handed: Any) -> None:
    world, _, one, lead = handed
    spare, statement = world.hub("spare"), lead.take_over(world.key_of_hub("spare"))
    spare.post("/desk-api/epochs", json={"epochs": [statement]})
    lead.follow([statement])
    lead.send(spare)
    assert spare.get(f"/desk-api/now?event={EVENT}").json()["decides"] is False

    world.of_hub("spare").devices.revoke(EVENT, one.id, by=BY_LEAD)
    assert spare.get(f"/desk-api/now?event={EVENT}").json()["decides"] is True


def test_what_a_desk_gave_that_was_revoked_and_not_lost_is_found_once_its_journal_is_carried(handed: Any) -> None:
    """The one step of a takeover that is not exact: it is told to a person, and nobody is taken anything."""
    world, hub, one, lead = handed
    one.redeem(hub, badge(), request_id="old hub")
    one.grant(REFERENCE, "old hub")
    world.take_in("spare")
    spare_key = world.of_hub("spare").keys.signer("hub").public
    statement = lead.take_over(spare_key)
    lead.follow([statement])
    at_spare = world.of_hub("spare")
    at_spare.handover.take_in([step.token for step in lead.chain.steps])
    spare = AppClient(apps.create_hub_app(Settings(world.folder / "spare"), event=EVENT, clock=world.clock))
    lead.send(spare)
    assert lead.redeem(spare, badge(), request_id="new").json()["reason"] == "waiting_for_desks"
    at_spare.devices.revoke(EVENT, one.id, by=BY_LEAD)
    assert lead.redeem(spare, badge(), request_id="new").json()["reason"] == "granted"
    lead.grant(REFERENCE, "new")

    assert one.send(spare).json()["code"] == "revoked"
    assert at_spare.logbook.take_in(EVENT, one.entries).refused == ()
    lead.send(spare)
    (case,) = cases.listed(EVENT, engine=at_spare.registration.engine)
    assert "Door 1" in case.sentence and "Lead" in case.sentence


def test_the_old_hub_refuses_as_soon_as_it_sees_the_newer_epoch(handed: Any) -> None:
    world, hub, one, lead = handed
    statement = lead.take_over(world.key_of_hub("spare"))
    one.follow([statement])

    assert one.redeem(hub, badge()).json()["reason"] == "newer_epoch"
    assert hub.post("/desk-api/epochs", json={"epochs": [statement]}).json()["decides"] is False
    assert lead.redeem(hub, badge()).json()["reason"] == "venue_decides"


def test_who_is_no_lead_takes_over_nothing(handed: Any) -> None:
    world, hub, one, _ = handed
    forged = one.take_over(world.key_of_hub("spare"))

    answer = hub.post("/desk-api/epochs", json={"epochs": [forged]})
    assert answer.status_code == 422
    assert hub.get(f"/desk-api/now?event={EVENT}").json()["decides"] is True


def test_two_takeovers_at_once_let_nobody_decide_until_a_third(handed: Any) -> None:
    world, hub, one, lead = handed
    spare = world.hub("spare")
    here, there = lead.take_over(world.key_of_hub("spare")), lead.take_over(world.key_of_hub("other"))
    for statement in (here, there):
        assert spare.post("/desk-api/epochs", json={"epochs": [statement]}).status_code == 200
    told = spare.get(f"/desk-api/now?event={EVENT}").json()
    assert (told["decides"], told["holder"]) == (False, "")

    lead.follow([here])
    third = lead.take_over(world.key_of_hub("spare"))
    spare.post("/desk-api/epochs", json={"epochs": [third]})
    for desk in (one, lead):
        desk.follow([here, third] if desk is one else [third])
        desk.send(spare)
    assert spare.get(f"/desk-api/now?event={EVENT}").json()["decides"] is True
    assert hub.get(f"/desk-api/now?event={EVENT}").json()["epoch"] == 1


def test_the_office_takes_a_lost_hub_s_event_back_from_the_desks_journals(handed: Any) -> None:
    world, hub, one, lead = handed
    one.redeem(hub, badge())
    one.grant(REFERENCE, "one")
    statement = world.venue.handover.take_over(EVENT, None, by=BY_LEAD)
    assert world.online(badge(next(references()))).json()["reason"] == "waiting_for_desks"
    for desk in (one, lead):
        desk.follow([statement])
        desk.send(world.office)

    assert world.online(badge(), request_id="known").json()["reason"] == "already_redeemed"
    assert world.online(badge(next(references())), request_id="fresh").status_code == 201
    with reading(world.registration.engine) as connection:
        proofs = [grant.proof for grant in authority.grants(connection, event=EVENT)]
    assert proofs == ["hub", "holder_code"]


def test_an_office_hands_over_only_what_it_holds(handed: Any) -> None:
    world, _, _, _ = handed
    with pytest.raises(EpochError, match="does not decide"):
        world.hand_over("spare")
    with pytest.raises(EpochError, match="another office"):
        world.of_hub("hub").handover.hand_over(EVENT, world.key_of_hub("spare"), url="")
    with pytest.raises(EpochError, match="hands nothing back"):
        world.hub("spare")
        world.of_hub("spare").handover.hand_back(EVENT)


def test_a_statement_of_a_stranger_is_refused(handed: Any) -> None:
    world, hub, one, _ = handed
    stranger = DeskSimulator("stranger", clock=world.clock)
    forged = epochs.write(one.chain, holder=world.key_of_hub("spare"), url="", at=NOW, signer=stranger.signer)

    assert hub.post("/desk-api/epochs", json={"epochs": [forged]}).status_code == 422
    assert tokens.key_id(forged) == "stranger"


# Faults


def test_a_disk_that_is_full_grants_nothing(handed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, hub, one, _ = handed

    def full(*_: Any, **__: Any) -> Any:
        raise DatabaseError("The database could not be written, so nothing was: database or disk is full.")

    monkeypatch.setattr("verifier.ground.committer.writing", full)
    answer = one.redeem(hub, badge())
    monkeypatch.undo()
    assert answer.status_code == 503
    assert "nothing was granted" in answer.json()["detail"]
    assert one.redeem(hub, badge()).status_code == 201


def test_bad_requests_are_one_sentence(handed: Any) -> None:
    _, hub, one, _ = handed
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/desk-api/journal", {}),
        ("/desk-api/journal", {"entries": [1]}),
        ("/desk-api/journal", {"entries": [], "last": -1}),
        ("/desk-api/journal", {"entries": ["x"] * 1001}),
        ("/desk-api/undo", {}),
        ("/desk-api/undo", {"request_id": "a" * 201, "reason": "x"}),
    ]
    for path, said in asked:
        answer = one.ask(hub, "POST", path, json=said)
        assert (answer.status_code, answer.json()["detail"][-1]) == (400, "."), path
    for path in ("/desk-api/epochs", "/desk-api/enrol"):
        assert hub.post(path, content=b"no json").status_code == 400
    assert hub.get("/desk-api/now?event=none").status_code == 404


def test_by_the_command_line_is_said_in_the_audit_log(handed: Any) -> None:
    world, _, _, _ = handed
    found = audit.entries(world.registration.engine, event=EVENT)[-1]

    assert (found.act, found.actor, found.subject) == ("hub.hand_over", AT_THE_COMMAND_LINE.actor, "epoch 1")


def test_the_shop_gets_one_voucher_for_each_and_never_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keys.custody.SCRYPT_N", 1 << 10)
    world = Venues(tmp_path, shop=SHOP)
    try:
        one = world.desk("Door 1")
        names = references()
        online, at_the_hub, cut_off, late = (next(names) for _ in range(4))
        assert world.online(badge(online), request_id="online").status_code == 201
        one.follow([world.hand_over()])
        hub = world.hub("hub")
        one.redeem(hub, badge(at_the_hub), request_id="1")
        one.grant(at_the_hub, "1")
        one.grant_provisionally(cut_off, "2")
        one.grant_provisionally(online, "3")  # had theirs online: nothing more is given for it
        one.send(hub)
        file = world.of_hub("hub").handover.hand_back(EVENT)
        shop = ShopInMemory()
        outbox = Outbox(
            world.settings, engine=world.registration.engine, clock=world.clock, connect=lambda _: shop
        )
        assert outbox.push(EVENT).placed == 1
        for _ in range(3):
            world.venue.handover.take_back(file)
        assert outbox.push(EVENT).placed == 2
        one.grant_provisionally(late, "4")
        for _ in range(2):
            one.send(world.office)
        assert outbox.push(EVENT).placed == 1
        assert outbox.push(EVENT).placed == 0
        assert len(shop.orders) == 4
    finally:
        world.close()


def test_a_hub_knows_that_it_is_one(world: Venues) -> None:
    """Where a desk is enrolled matters: a spare would not know one that was enrolled at a hub."""
    world.desk("Door 1")
    world.hand_over()
    world.hub("hub")

    assert world.of_hub("hub").is_hub(EVENT)
    assert not world.venue.is_hub(EVENT)
