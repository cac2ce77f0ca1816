"""`./run`: what it says when something is missing, and when it makes its environment anew."""

import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("run_tool", str(ROOT / "run"))
    spec = importlib.util.spec_from_loader("run_tool", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_without_a_verb_it_says_which_there_are() -> None:
    done = subprocess.run([str(ROOT / "run")], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    for verb in ("demo", "test", "check", "bench", "real", "lock"):
        assert verb in done.stderr


def test_an_old_python_gets_one_sentence(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(run.sys, "argv", ["run", "test"])
    assert run.main() == 1
    assert capsys.readouterr().err == "run: python3 is 3.9.2; Badgewright needs Python 3.11 or newer.\n"


def test_without_pip_it_says_what_to_install(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real_call = subprocess.call
    monkeypatch.setattr(
        run.subprocess, "call", lambda command, **more: 1 if "pip" in command else real_call(command, **more)
    )
    with pytest.raises(SystemExit):
        run.make(tmp_path / "env")
    assert "install it (Debian: python3-pip)" in capsys.readouterr().err


def test_without_venv_it_says_what_to_install(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "venv", None)
    with pytest.raises(SystemExit):
        run.make(tmp_path / "env")
    assert "install venv (Debian: python3-venv)" in capsys.readouterr().err


def test_a_changed_lock_or_place_asks_for_a_new_environment(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = run.fingerprint()
    assert run.fingerprint() == before
    other = tmp_path / "requirements.lock"
    other.write_text("changed")
    monkeypatch.setattr(run, "LOCK", other)
    assert run.fingerprint() != before


def test_a_checkout_that_cannot_be_written_gets_its_environment_elsewhere(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run.environment_folder() == ROOT / ".venv"
    monkeypatch.setattr(run.os, "access", lambda path, mode: Path(path) != ROOT)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert run.environment_folder().parent == tmp_path


def test_children_are_not_led_to_other_packages(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME", "PIP_USER"):
        monkeypatch.setenv(name, "elsewhere")
    assert not {"PYTHONPATH", "PYTHONHOME", "PIP_USER"} & run.clean().keys()
