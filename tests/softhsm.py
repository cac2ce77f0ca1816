"""A real PKCS#11 token for tests: SoftHSM2, as Debian's package softhsm2 has it, with tokens in a test's own
folder.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PLACES = (
    "/usr/lib/softhsm",
    "/usr/lib/*/softhsm",
    "/usr/lib64",
    "/usr/local/lib/softhsm",
    "/opt/homebrew/lib/softhsm",
)
FETCHED = Path(sys.prefix) / "debian" / "usr"  # where `./run real` puts what the machine lacks
PIN, OFFICER_PIN = "492817", "773301"


@dataclass(frozen=True)
class SoftToken:
    """A fresh token. `environment`: what its module needs to find it."""

    module: Path
    label: str
    pin_file: Path
    environment: dict[str, str]

    @property
    def options(self) -> tuple[str, ...]:
        """What `badge-issuer init` is told."""
        return "--token", self.label, "--token-module", str(self.module), "--token-pin-file", str(self.pin_file)


def find_module() -> Path | None:
    """SoftHSM2's module; None if it is not on this machine."""
    found = [path for place in PLACES for path in sorted(Path("/").glob(f"{place[1:]}/libsofthsm2.so"))]
    found += sorted(FETCHED.glob("lib/**/libsofthsm2.so"))
    return next(iter(found), None)


def make_token(folder: Path, *, label: str = "badges") -> SoftToken:
    """A new token in a folder. Skips, by name, where SoftHSM2 or python-pkcs11 is missing."""
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed: pip install badgewright[pkcs11]")
    module, tool = (
        find_module(),
        shutil.which("softhsm2-util") or shutil.which("softhsm2-util", path=FETCHED / "bin"),
    )
    if module is None or tool is None:
        pytest.skip("SoftHSM2 is not on this machine (Debian: softhsm2; './run real' fetches it)")
    (folder / "tokens").mkdir(parents=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    environment = {**os.environ, "SOFTHSM2_CONF": str(configuration)}
    command = [tool, "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", OFFICER_PIN]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    pin_file = folder / "token.pin"
    pin_file.write_text(PIN + "\n")
    pin_file.chmod(0o600)
    return SoftToken(module, label, pin_file, {"SOFTHSM2_CONF": str(configuration)})
