"""Settings: none are needed, and what is there is strictly read."""

from pathlib import Path

import pytest

from verifier.ground import settings
from verifier.ground.documents import document_source
from verifier.ground.outbound import GuardedClient
from verifier.ground.settings import MailAccess, OpenIdAccess, Settings, SettingsError


def written(folder: Path, text: str) -> Path:
    (folder / "verifier.yaml").write_text(text)
    return folder


def test_an_office_without_a_file_is_guarded_and_trusts_nobody(tmp_path: Path) -> None:
    loaded = settings.load(tmp_path / "missing")

    assert loaded == Settings(tmp_path / "missing")
    assert loaded.exempt_hosts == frozenset()
    source = document_source(loaded)
    assert isinstance(source, GuardedClient)
    assert source.exempt_hosts == frozenset()
    assert not (tmp_path / "missing").exists()


def test_every_field_is_read(tmp_path: Path) -> None:
    loaded = settings.load(
        written(
            tmp_path,
            "public_url: https://verify.example.org/\n"
            "exempt_hosts: ['localhost:8001', '[::1]:8002']\n"
            "ca_file: ca.pem\n"
            "offline_dir: published\n"
            "trusted_issuers: {Open communities: ['did:web:badges.example.org']}\n",
        )
    )

    assert loaded.public_url == "https://verify.example.org"
    assert loaded.exempt_hosts == {"localhost:8001", "[::1]:8002"}
    assert loaded.ca_file == tmp_path / "ca.pem"
    assert loaded.offline_dir == tmp_path / "published"
    assert loaded.trusted_issuers == {"Open communities": ("did:web:badges.example.org",)}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("exempt_host: ['localhost:1']", "exempt_host"),
        ("exempt_hosts: localhost:1", "exempt_hosts"),
        ("exempt_hosts: ['localhost']", "host:port"),
        ("exempt_hosts: ['*:8001']", "host:port"),
        ("exempt_hosts: ['10.0.0.0/8:1']", "host:port"),
        ("exempt_hosts: ['localhost:99999']", "host:port"),
        ("exempt_hosts: ['LOCALHOST:1']", "host:port"),
        ("public_url: http://verify.example.org", "public_url"),
        ("public_url: 7", "public_url"),
        ("trusted_issuers: ['did:web:a']", "trusted_issuers"),
        ("trusted_issuers: {a: ['https://a']}", "no DID"),
        ("a: [", "line"),
        ("", "no fields"),
    ],
)
def test_a_wrong_field_is_one_sentence_with_the_file(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=r"verifier\.yaml") as refused:
        settings.load(written(tmp_path, text))
    assert named in str(refused.value)


MAIL = "mail: {host: mail.example.org, port: 587, tls: starttls, sender: badges@example.org"


def test_the_mail_server_is_read(tmp_path: Path) -> None:
    loaded = settings.load(written(tmp_path, MAIL + ", user: badges, password_file: mail.password}"))
    assert loaded.mail == MailAccess(
        *("mail.example.org", 587, "starttls", "badges@example.org", "badges"), tmp_path / "mail.password"
    )
    assert settings.load(written(tmp_path, "public_url: https://v.example")).mail is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mail: mail.example.org", "'mail' must hold"),
        ("mail: {host: mail.example.org, port: 587, tls: starttls}", "'mail' must hold"),
        (MAIL + ", from: a@b.example}", "'mail' must hold"),
        (MAIL + ", user: badges}", "belong together"),
        (MAIL + ", password_file: mail.password}", "belong together"),
        (MAIL.replace("587", "0") + "}", "mail.port"),
        (MAIL.replace("587", "true") + "}", "mail.port"),
        (MAIL.replace("587", "'587'") + "}", "mail.port"),
        (MAIL.replace("starttls", "STARTTLS") + "}", "mail.tls"),
        (MAIL.replace("starttls", "none") + "}", "on this machine only"),
        (MAIL.replace("starttls", "7") + "}", "mail.tls"),
        (MAIL.replace("mail.example.org", "'mail.example.org:25'") + "}", "mail.host"),
        (MAIL.replace("mail.example.org", "'https://mail.example.org'") + "}", "mail.host"),
        (MAIL.replace("badges@example.org", "'Badges <badges@example.org>'") + "}", "mail.sender"),
        (
            MAIL.replace("badges@example.org", '"badges@example.org\\r\\nBcc: eve@example.org"') + "}",
            "mail.sender",
        ),
    ],
)
def test_a_mail_server_that_cannot_be_used_safely_is_refused(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=r"verifier\.yaml") as refused:
        settings.load(written(tmp_path, text))
    assert named in str(refused.value)


OIDC = "oidc: {issuer: https://login.example.org/realm, client_id: badges, client_secret_file: oidc.secret}"


def test_the_openid_provider_is_read(tmp_path: Path) -> None:
    loaded = settings.load(written(tmp_path, OIDC))
    assert loaded.oidc == OpenIdAccess("https://login.example.org/realm", "badges", tmp_path / "oidc.secret")


@pytest.mark.parametrize(
    "text",
    [
        "oidc: https://login.example.org",
        OIDC.replace(", client_id: badges", ""),
        OIDC.replace("client_secret_file: oidc.secret", "client_secret: topsecret"),
        OIDC.replace("https://login.example.org/realm", "http://login.example.org"),
        OIDC.replace("https://login.example.org/realm", "'https://login.example.org/?tenant=1'"),
        OIDC.replace("https://login.example.org/realm", "login.example.org"),
        OIDC.replace("badges", "7"),
        OIDC.replace("badges", "''"),
        OIDC.replace("}", ", scope: openid}"),
    ],
)
def test_a_provider_that_cannot_be_used_safely_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="oidc") as refused:
        settings.load(written(tmp_path, text))
    assert "topsecret" not in str(refused.value)


def test_a_server_on_this_machine_needs_no_encryption(tmp_path: Path) -> None:
    text = MAIL.replace("mail.example.org", "localhost").replace("starttls", "none")
    loaded = settings.load(written(tmp_path, text + "}"))
    assert loaded.mail is not None and loaded.mail.tls == "none"


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.default_data_folder() == Path("badgewright-verifier")
    monkeypatch.setenv("BADGEWRIGHT_VERIFIER_DATA", "elsewhere")
    assert settings.default_data_folder() == Path("elsewhere")
