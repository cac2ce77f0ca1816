"""The published folder behind nginx, configured as docs/operations.md says: each document goes out as a server of
ours would send it, and badges verify.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import httpx
import pytest

from issuer.badges.publishing import AS_IT_IS
from keys import custody
from tests.demo.offices import free_ports
from tests.integration.test_public_documents import LASTS, listed
from tests.stories.published_folder import NAMELESS, WITHDRAWN, PublishedCommunity, found
from verifier.verification.verdict import Outcome

pytestmark = pytest.mark.real
ROOT = Path(__file__).resolve().parents[2]
FETCHED = Path(sys.prefix) / "debian" / "usr" / "sbin"  # where `./run real` puts what the machine lacks
AROUND = """
daemon off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
{user}
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  {server}
}}
"""


def server_of_the_docs(root: Path, port: int) -> str:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    block = block.replace("server_name badges.example.org;", f"listen 127.0.0.1:{port};")
    return str(re.sub(r"root /\S+;", f"root {root};", block))


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublishedCommunity]:
    nginx = shutil.which("nginx") or shutil.which("nginx", path=FETCHED)
    if nginx is None:
        pytest.skip("no nginx on this machine (Debian: nginx; './run real' fetches it)")
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
        made = found(folder, free_ports()[1])
    user = "user root;" if os.geteuid() == 0 else ""  # who made the folder reads it
    configuration = folder / "nginx.conf"
    server = server_of_the_docs(made.site, made.port)
    configuration.write_text(AROUND.format(folder=folder, user=user, server=server))
    running = subprocess.Popen([nginx, "-c", str(configuration), "-p", str(folder)], stderr=subprocess.PIPE)
    try:
        wait_for(made.url, running)
        yield made
    finally:
        running.terminate()
        running.communicate(timeout=10)


def wait_for(url: str, running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and running.poll() is None:
        try:
            httpx.get(url)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"nginx does not answer: {running.communicate()[1].decode()[-500:]}")


def test_each_document_goes_out_as_the_api_page_says(community: PublishedCommunity) -> None:
    table, seen = listed(), set()
    for file in sorted(community.site.rglob("*")):
        if not file.is_file() or file.name == AS_IT_IS:
            continue
        path = re.sub(r"(?<=/)index\.(html|json)$", "", f"/{file.relative_to(community.site)}")
        rows = [row for row in table if any(fnmatchcase(one, row[0]) for one in (path, path.rstrip("/")))]
        answer = httpx.get(community.url + path)
        kind = answer.headers["content-type"].partition(";")[0]
        said = [row for row in rows if kind in row[1]]
        assert answer.status_code == 200 and said, (path, kind)
        assert answer.headers["access-control-allow-origin"] == "*", path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        lasts = int(answer.headers["cache-control"].partition("max-age=")[2])
        assert lasts <= max(LASTS["5 minutes"], *(row[2] for row in said)), (path, lasts)
        seen |= {row[0] for row in said}
    assert len(seen) > 20, seen


def test_who_has_a_document_is_sent_it_no_second_time(community: PublishedCommunity) -> None:
    first = httpx.get(f"{community.url}/status-lists/1")
    assert (first.headers["content-type"], first.headers["cache-control"]) == ("application/vc", "max-age=60")
    again = httpx.get(f"{community.url}/status-lists/1", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(("who", "outcome"), [(NAMELESS, Outcome.VALID), (WITHDRAWN, Outcome.NOT_VALID)])
@pytest.mark.parametrize("form", ["jwt", "json", "qr-png"])
def test_badges_verify_there(community: PublishedCommunity, who: str, outcome: Outcome, form: str) -> None:
    assert community.stranger().verify(community.file(who, form)).verdict.outcome is outcome
