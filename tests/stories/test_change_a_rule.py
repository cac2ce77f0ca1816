"""docs/change-a-rule.md, played: the page's own lines make a condition that counts, and its sentence."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "change-a-rule.md"
TRY = """
from datetime import UTC, datetime, timedelta
from issuer.contributions.model import facts_from
from issuer.recognition import sentences
from issuer.recognition.decision import Rules, decide
from issuer.recognition.item import Attested, Item
from schemas import policy

now = datetime(2026, 11, 22, tzinfo=UTC)
text = open("issuer/recognition/policy.example.yaml", "rb").read()
loaded = policy.load(text.replace(b"{attested: [community_event]}", b"{minutes_at_least: 20}"), name="changed")
seen = tuple(Attested(who, None) for who in "ab")
for minutes in (30, 19, None):
    facts = facts_from({} if minutes is None else {"minutes": minutes})
    item = Item("1", "talk.given", "attestation", now - timedelta(days=9), facts, attestations=seen)
    line = decide([item], Rules.of(loaded), as_of=now).lines[0]
    print(line.counted, line.clause)
print(sentences.kind_in_words("talk.given", loaded.kinds["talk.given"], grades=loaded.grades))
"""


def insert(file: Path, before: str, text: str) -> None:
    content = file.read_text()
    assert content.count(before) == 1, f"{file}: {before}"
    file.write_text(content.replace(before, f"{text}\n{before}"))


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A copy of the product with the page's steps 1 to 3 done, out of the page itself."""
    for part in ("schemas", "keys", "issuer"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    page = PAGE.read_text()
    name = re.search(r'`PREDICATES`: `("minutes_at_least": "count")`', page)
    fact = re.search(r"`Facts`: `(minutes: .*?)`\.", page)
    function = re.search(r"```python\n(def minutes_at_least.*?)```", page, re.DOTALL)
    condition = re.search(r'    ("minutes_at_least": Condition\(.*\),)\n', page)
    assert name and fact and function and condition
    insert(tmp_path / "schemas/policy.py", '    "attested": "words",', f"    {name[1]},")
    insert(tmp_path / "issuer/contributions/model.py", "    listed_present: bool = False", f"    {fact[1]}")
    predicates = tmp_path / "issuer/recognition/predicates.py"
    insert(predicates, "CONDITIONS: Mapping[str, Condition] = {", f"{function[1]}\n")
    insert(predicates, '    "other_affiliation": Condition(', f"    {condition[1]}")
    return tmp_path


def test_the_page_takes_a_reader_to_a_changed_rule(changed: Path) -> None:
    command = [sys.executable, "-c", TRY]
    env = {"PYTHONPATH": "."}
    done = subprocess.run(command, cwd=changed, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts, too_short, unknown, sentence = done.stdout.splitlines()
    assert counts == "True counted"
    assert too_short == unknown == "False minutes_at_least"
    assert "it lasted at least 20 minutes" in sentence


def test_the_page_names_tests_and_files_that_exist() -> None:
    page = PAGE.read_text()
    for path in re.findall(r"`((?:schemas|issuer|tests)/[\w/.-]+)`", page):
        assert (ROOT / path).exists(), path
    predicates = (ROOT / "tests/unit/issuer/recognition/test_predicates.py").read_text()
    for name in re.findall(r"`(test_\w+)`", page):
        assert f"def {name}(" in predicates, name
