"""Machines are told from people by what only machines are called."""

import pytest

from issuer.contributions.sources.machines import is_machine


@pytest.mark.parametrize(
    ("name", "address", "username"),
    [
        ("GitHub", "noreply@github.com", ""),
        ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com", ""),
        ("Zuul", "zuul@review.example", ""),
        ("", "jenkins@ci.example", ""),
        ("", "", "zuul"),
        ("Storage Vendor CI", "", ""),
        ("", "", "vendor-ci"),
        ("", "", "ci-vendor"),
        ("OpenStack Proposal Bot", "", ""),
        ("Gerrit Code Review", "review@openstack.org", ""),
    ],
)
def test_machine_is_known_by_its_name_or_address(name: str, address: str, username: str) -> None:
    assert is_machine(name=name, address=address, username=username)


@pytest.mark.parametrize(
    ("name", "address", "username"),
    [
        ("Ada Quin", "1234+ada@users.noreply.github.com", "ada"),
        ("Kit Jenkins", "kit@jenkins.example", "kjenkins"),
        ("Ana Bors", "ana.bors@x.example", "abors"),
        ("Lia Ricci", "ricci@x.example", "ricci"),
        ("Jan Bot", "jan@bot.example", "janbot"),
        ("Ci Yun", "yun@x.example", "yunci"),
        ("", "", ""),
    ],
)
def test_person_with_a_similar_name_is_a_person(name: str, address: str, username: str) -> None:
    assert not is_machine(name=name, address=address, username=username)
