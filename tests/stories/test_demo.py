"""`./run demo --once` plays all of it, and says so in its last line."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
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
    assert facts["people"] > 250 and facts["contributions"] > 1000
    assert set(facts["awards"]) == {"sustained", "contributor", "recognised"}
    assert facts["seconds"] > 0


def test_the_demo_shows_who_earned_what_and_leaves_no_traceback(played: subprocess.CompletedProcess[str]) -> None:
    for name in ("Odile Meetup", "Otto Operator", "Dev One", "Sam Survey", "Ring Beta"):
        assert name in played.stdout
    assert "Traceback" not in played.stdout + played.stderr


def test_the_demo_stays_up_with_its_links_and_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.demo"], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert running.stdout
    links = {}
    for line in running.stdout:
        found = re.fullmatch(r"  (\S.*?)\s{2,}(http://localhost:\S+)\n", line)
        if found:
            links[found[1]] = found[2]
        if found and found[1] == "The desk":
            break
    try:
        for what, link in links.items():
            assert httpx.get(link).status_code == 200, what
    finally:
        running.send_signal(signal.SIGINT)
        left = running.communicate(timeout=60)[0]
    assert running.returncode == 0 and "nothing is left behind" in left
    assert {"Verify a badge", "Redeem before paying", "Why they have it"} <= links.keys()
    assert list(tmp_path.iterdir()) == []
