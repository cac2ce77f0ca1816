"""`./run demo --once` plays all of it, and says so in its last line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def played() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.demo", "--once"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def test_every_step_of_the_demo_held(played: subprocess.CompletedProcess[str]) -> None:
    assert played.returncode == 0, played.stderr
    facts = json.loads(played.stdout.splitlines()[-1])
    assert facts["organiser_tier"] == "sustained"
    assert facts["operator_tier"] == "contributor"
    assert facts["one_commit_tier"] == "recognised"
    assert facts["survey_tier"] is None
    assert set(facts["ring_tiers"]) == {None}
    assert facts["verify"] == facts["verify_qr"] == facts["verify_offline"] == "valid"
    assert facts["tampered"] == facts["revoked"] == "not_valid"
    assert facts["stolen_copy"] == facts["hand_award_unapproved"] == "refused"
    assert (facts["redeem_first"], facts["redeem_second"]) == ("granted", "already_redeemed")
    assert facts["people"] > 300 and facts["contributions"] > 1000
    assert set(facts["awards"]) == {"sustained", "contributor", "recognised"}
    assert facts["seconds"] > 0


def test_the_demo_shows_who_earned_what_and_leaves_no_traceback(played: subprocess.CompletedProcess[str]) -> None:
    for name in ("Odile Meetup", "Otto Operator", "Dev One", "Sam Survey", "Ring Beta"):
        assert name in played.stdout
    assert "Traceback" not in played.stdout + played.stderr
