"""The image of docs/deploy/Containerfile: built, and run as it says, without rights on a root that is read-only.

Built by Debian's buildah. The base image is not asked of a registry: it is made of Debian's packages, under the
name that the file gives it, with Debian's own Python of the same version. Run with the kernel's means alone
(namespaces, a read-only root, a user id without capabilities), since a container runtime asks for more than a
test machine has. Needs root, buildah and debootstrap, and takes some minutes.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.real
ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "deploy" / "Containerfile"
DEBIAN, MIRROR = "trixie", "http://deb.debian.org/debian"  # its python3 is 3.13
WHERE_PIP_LOOKS = ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")  # of this machine, for the build only
USER = "10001"
PATIENCE = 60.0
START = """
set -e
ip link set lo up
mount --make-rprivate /
mount --bind {root} {root}
mount --bind {data} {root}/data
mount --bind {secrets} {root}/run/secrets
mount -o remount,bind,ro {root}
mount -t tmpfs tmpfs {root}/tmp
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
exec chroot {root} setpriv --reuid={user} --regid={user} --clear-groups --no-new-privs --bounding-set=-all \
  --inh-caps=-all env -i {environment} "$@"
"""


class Image:
    """What was built, laid open as a folder, with what its file says about running it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data, self.secrets = folder / "data", folder / "secrets"
        self.store = ["--root", str(folder / "store"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
        self._make_base(re.findall(r"^FROM (\S+)", FILE.read_text(), re.MULTILINE)[0])
        volumes = [f"--volume={one}:{one}:ro" for one in WHERE_PIP_LOOKS if Path(one).exists()]
        how = ["--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker", *volumes]
        self.buildah("bud", *how, "-f", str(FILE), "-t", "badgewright", str(ROOT))
        container = self.buildah("from", "--pull-never", "localhost/badgewright")
        self.root = self.buildah("mount", container)
        said = json.loads(self.buildah("inspect", "--type", "image", "localhost/badgewright"))
        self.says = said["Docker"]["config"]
        for made, mode in ((self.data, 0o700), (self.secrets, 0o755)):
            made.mkdir(mode=mode)
        os.chown(self.data, int(USER), int(USER))
        (self.secrets / "passphrase").write_text("horses and staples\n")
        (Path(self.root) / "run" / "secrets").mkdir(exist_ok=True)

    def buildah(self, *words: str) -> str:
        done = subprocess.run(["buildah", *self.store, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"buildah {words[0]}: {done.stderr[-3000:]}{done.stdout[-3000:]}"
        return done.stdout.strip()

    def start(self, *command: str, network_of: int | None = None) -> "subprocess.Popen[str]":
        """A command as the image's user, with nothing to write on but /data and /tmp, in a network of its own."""
        environment = " ".join(f"'{one}'" for one in self.says["Env"])
        places = {"root": self.root, "data": self.data, "secrets": self.secrets}
        script = START.format(user=USER, environment=environment, **places)
        enter = ["--net"] if network_of is None else []
        there = [] if network_of is None else ["nsenter", f"--net=/proc/{network_of}/ns/net"]
        words = [*there, "unshare", "--mount", "--pid", "--fork", "--kill-child", *enter, "sh", "-c", script, "sh"]
        return subprocess.Popen(
            [*words, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
        )

    def run(self, *command: str, network_of: int | None = None) -> "subprocess.CompletedProcess[str]":
        process = self.start(*command, network_of=network_of)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def issuer(self, *words: str) -> dict[str, object]:
        done = self.run("badge-issuer", *words, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def _make_base(self, name: str) -> None:
        base = self.folder / "base"
        packages = "--include=python3,python3-venv,ca-certificates"
        words = ["debootstrap", "--variant=minbase", packages, DEBIAN, str(base), MIRROR]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"debootstrap cannot make a base image here: {done.stdout[-300:]}")
        (base / "usr" / "bin" / "python").symlink_to("python3")  # as the registry's image calls it
        container = self.buildah("from", "scratch")
        self.buildah("add", container, str(base), "/")
        self.buildah("commit", "--rm", container, f"docker.io/library/{name}")
        shutil.rmtree(base)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    missing = [name for name in ("buildah", "debootstrap") if shutil.which(name) is None]
    if missing or os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip(f"needs root on Linux, and of Debian's packages: {', '.join(missing) or 'nothing more'}")
    made = Image(tmp_path_factory.mktemp("image"))
    yield made
    made.buildah("umount", "--all")


def test_it_runs_without_rights_on_a_root_that_cannot_be_written(image: Image) -> None:
    tried = image.run(
        "sh", "-c", "id -u; id -g; touch /opt/badgewright/x; touch /etc/x; grep Cap /proc/self/status"
    )
    assert tried.stdout.splitlines()[:2] == [USER, USER]
    assert tried.stderr.count("Read-only file system") == 2, tried.stderr
    assert set(re.findall(r"Cap\w+:\s*(\w+)", tried.stdout)) == {"0" * 16}
    assert image.says["User"] == f"{USER}:{USER}"
    python = image.run("python", "-c", "import keys.browser as b, sys; print(b.is_whole(), sys.version_info[:2])")
    assert python.stdout.strip() == "True (3, 13)", python.stderr


def test_an_office_in_it_issues_a_badge_that_verifies_in_it(image: Image) -> None:
    image.issuer("init", "--public-url", "https://badges.example.org")
    people = image.data / "people.csv"
    people.write_text("name,email,accounts\nAda Long,ada@books.example,\nBob Keeper,bob@books.example,\n")
    image.issuer("collect", "people", "/data/people.csv")
    chosen = image.data / "chosen.csv"
    chosen.write_text("name,email,accounts\nAda Long,ada@books.example,\n")
    why = ("--decision", "the board on 3 May", "--reason", "thanks")
    image.issuer("award", "/data/chosen.csv", "--by", "bob@books.example", "--tier", "recognised", *why)
    assert image.issuer("issue")["signed"] == 1
    image.issuer("publish", "/data/public")
    listed = image.issuer("list")["badges"]
    assert isinstance(listed, list) and len(listed) == 1
    image.issuer("export", listed[0]["badge"], "--as", "jwt", "-o", "/data/badge.jwt")
    said = image.run("badge-verifier", "verify", "/data/badge.jwt", "--offline-dir", "/data/public", "--json")
    assert json.loads(said.stdout)["verdict"] == "valid", said.stdout + said.stderr


def test_it_serves_says_that_it_is_ready_and_ends_cleanly(image: Image) -> None:
    """Its own command; its own look at its health; SIGTERM to it as the first process of its own."""
    process = image.start(*image.says["Cmd"])
    try:
        server = waited_for_child(process)
        look = image.says["Healthcheck"]["Test"][1:]
        end = time.monotonic() + PATIENCE
        while (found := image.run(*look, network_of=server)).returncode != 0:
            assert process.poll() is None and time.monotonic() < end, found.stderr
            time.sleep(0.5)
        ready = image.run(*(word.replace("/healthz", "/readyz") for word in look), network_of=server)
        assert ready.returncode == 0, ready.stderr
        os.kill(server, signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode in {0, 128 + signal.SIGTERM, -signal.SIGTERM}, log
    assert "Traceback" not in log and "Application shutdown complete" in log


def waited_for_child(process: "subprocess.Popen[str]") -> int:
    """The first process within, as it is called outside."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        words = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if words:
            return int(words[0])
        time.sleep(0.05)
    raise AssertionError("it does not start")
