"""The rotation drill: three keys, one compromised; who still verifies, and what is signed anew.

Played with both command lines on real folders. A badge of a retired key verifies for ever; none of a
compromised key does, whatever date it claims.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from keys import custody, jws
from tests.demo.offices import issuer_command
from tests.stories.project import commit, make_repository

SCRIPTS = Path(sys.executable).parent
WHO = ("ada", "bob", "cy")


class Drill:
    """An issuer with a repository, and a stranger who verifies from the published folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = make_repository(folder / "project")
        self.issuer("init", "--public-url", "https://badges.example.org")
        people = "name,email,accounts\n" + "".join(f"{w.title()},{w}@books.example,\n" for w in (*WHO, "keeper"))
        (folder / "people.csv").write_text(people)
        self.issuer("collect", "people", str(folder / "people.csv"))

    def issuer(self, *arguments: str) -> dict[str, object]:
        value = issuer_command(self.folder / "issuer", *arguments)
        assert isinstance(value, dict)
        return value

    def badge_of(self, who: str) -> bytes:
        """Their badge as a file, as it is today."""
        commit(self.repository, who, accepted_by="keeper", month=1, subject=f"Work of {who}")
        self.issuer("collect", "git", str(self.repository))
        self.issuer("decide")
        self.issuer("issue")
        return self.exported(who)

    def exported(self, who: str, *, form: str = "jwt") -> bytes:
        badges = self.issuer("list")["badges"]
        assert isinstance(badges, list)
        (short_id,) = (badge["badge"] for badge in badges if badge["holder"] == who.title())
        self.issuer("export", short_id, "--as", form, "-o", str(self.folder / "badge"))
        return (self.folder / "badge").read_bytes()

    def verdict(self, badge: bytes) -> tuple[str, str | None]:
        """A stranger's verdict from what is published now, and the check that decides it."""
        self.issuer("publish", str(self.folder / "site"))
        command = [
            str(SCRIPTS / "badge-verifier"),
            "verify",
            "-",
            "--offline-dir",
            str(self.folder / "site"),
            "--json",
        ]
        done = subprocess.run(command, input=badge, capture_output=True, check=False)
        said = json.loads(done.stdout)
        failed = [check["id"] for check in said["checks"] if check["state"] != "pass" and check["made"]]
        return said["verdict"], failed[0] if failed else None


@pytest.fixture
def drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drill:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # dear on purpose, and this opens the keys fifty times
    return Drill(tmp_path)


def header(badge: bytes) -> str:
    from schemas import base64url

    return str(json.loads(base64url.decode(badge.decode().split(".")[0]))["kid"])


def test_the_rotation_drill(drill: Drill) -> None:
    first = drill.badge_of("ada")
    planned = drill.issuer("keys", "plan")
    assert str(planned["kid"]).endswith("#badges-2") and planned["state"] == "planned"
    assert header(drill.exported("ada")).endswith("#badges-1")  # a planned key is published and signs nothing
    drill.issuer("keys", "rotate")
    second = drill.badge_of("bob")
    drill.issuer("keys", "rotate")
    third = drill.badge_of("cy")
    assert [header(badge)[-8:] for badge in (first, second, third)] == ["badges-1", "badges-2", "badges-3"]
    assert [drill.verdict(badge)[0] for badge in (first, second, third)] == ["valid"] * 3

    drill.issuer("keys", "compromise", "badges-2")
    assert drill.verdict(first) == ("valid", None)  # retired: for ever
    assert drill.verdict(second) == ("not_valid", "issuer_key")
    assert drill.verdict(third) == ("valid", None)

    assert drill.issuer("keys", "sign-anew")["signed"] == 1
    anew = drill.exported("bob")
    assert header(anew).endswith("#badges-3")
    assert drill.verdict(anew) == ("valid", None)
    assert drill.verdict(second) == ("not_valid", "issuer_key")
    assert claims(anew)["id"] == claims(second)["id"]
    assert claims(anew)["credentialStatus"] == claims(second)["credentialStatus"]
    assert drill.issuer("keys", "sign-anew")["signed"] == 0


def test_a_compromised_active_key_is_replaced_in_the_same_step(drill: Drill) -> None:
    badge = drill.badge_of("ada")
    drill.issuer("keys", "compromise", "badges-1")
    keys = drill.issuer("keys", "list")["keys"]
    assert isinstance(keys, list)
    states = {str(key["kid"]).partition("#")[2]: key["state"] for key in keys if key["use"] == "badges"}
    assert states == {"badges-1": "compromised", "badges-2": "active"}
    assert drill.verdict(badge)[0] == "not_valid"
    drill.issuer("keys", "sign-anew")
    assert drill.verdict(drill.exported("ada")) == ("valid", None)


def test_a_compromised_key_for_documents_makes_the_badges_files_worthless_and_new_ones_are_signed(
    drill: Drill,
) -> None:
    drill.badge_of("ada")
    document = drill.exported("ada", form="json")
    assert drill.verdict(document) == ("valid", None)
    drill.issuer("keys", "compromise", "documents-1")
    assert drill.verdict(document) == ("not_valid", "issuer_key")
    assert drill.issuer("keys", "sign-anew")["signed"] == 1
    assert drill.verdict(drill.exported("ada", form="json")) == ("valid", None)
    assert drill.verdict(document) == ("not_valid", "issuer_key")


@pytest.mark.parametrize(("kind", "alg", "typ"), [("RSA", "RS256", "JWT"), ("Ed25519", "EdDSA", "vc+jwt")])
def test_the_kind_of_the_key_decides_the_algorithm_of_tokens(drill: Drill, kind: str, alg: str, typ: str) -> None:
    first = drill.badge_of("ada")
    drill.issuer("keys", "plan", "--kind", kind)
    drill.issuer("keys", "rotate")
    second = drill.badge_of("bob")
    assert jws.parse(second.decode()).header.alg == alg and jws.parse(second.decode()).header.typ == typ
    assert [drill.verdict(badge) for badge in (first, second)] == [("valid", None)] * 2
    drill.issuer("keys", "rotate")  # of the same kind again
    assert jws.parse(drill.badge_of("cy").decode()).header.alg == alg
    forms = "".join(str(drill.exported("bob", form=form)[:8]) for form in ("json", "png", "svg"))
    assert "PNG" in forms


def test_a_suspended_badge_is_refused_until_that_is_lifted(drill: Drill) -> None:
    badge = drill.badge_of("ada")
    badges = drill.issuer("list")["badges"]
    assert isinstance(badges, list)
    drill.issuer("suspend", badges[0]["badge"], "--reason", "a claim is looked at")
    assert drill.verdict(badge) == ("not_valid", "status")
    drill.issuer("reinstate", badges[0]["badge"])
    assert drill.verdict(badge) == ("valid", None)


def test_a_withdrawn_badge_is_not_signed_anew(drill: Drill) -> None:
    drill.badge_of("ada")
    badges = drill.issuer("list")["badges"]
    assert isinstance(badges, list)
    drill.issuer("revoke", badges[0]["badge"], "--reason", "a mistake")
    drill.issuer("keys", "compromise", "badges-1")
    assert drill.issuer("keys", "sign-anew")["signed"] == 0


def test_a_rotated_status_key_leaves_badges_good(drill: Drill) -> None:
    badge = drill.badge_of("ada")
    drill.issuer("keys", "rotate", "--use", "status")
    assert drill.verdict(badge) == ("valid", None)
    drill.issuer("keys", "compromise", "status-1")
    assert drill.verdict(badge) == ("valid", None)


def claims(badge: bytes) -> dict[str, object]:
    from schemas import base64url

    value = json.loads(base64url.decode(badge.decode().split(".")[1]))
    assert isinstance(value, dict)
    return value
