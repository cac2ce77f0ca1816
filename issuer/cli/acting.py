"""Whoever decides with `--by`: a person whose role allows it, as on the team's pages."""

from typing import TYPE_CHECKING

from issuer.cli.output import CommandError, Office

if TYPE_CHECKING:
    from issuer.ground.login.rights import Right, Role
    from issuer.people.model import Person


def acting(office: Office, text: str, right: "Right") -> "tuple[Person, Role]":
    """The person that `--by` names, and in which role they do this.

    Raises:
        PeopleError: nobody, or more than one, is meant.
        CommandError: none of their roles allows it.
    """
    from issuer.ground.database import reading
    from issuer.ground.login import service as login
    from issuer.ground.login.rights import WHO_MAY, Role, acting_role
    from issuer.people import service as people

    person = people.find_person(office.engine, text)
    with reading(office.engine) as connection:
        held = {role for one in people.ids_of(connection, person.id) for role in login.roles_of(connection, one)}
    role = acting_role(held, right)
    named = {Role.PANEL: "a member of the panel", Role.ATTESTOR: "an attestor", Role.AUDITOR: "an auditor"} | {
        Role.MANAGER: "a manager"
    }
    if role is None:
        able = " or ".join(named[one] for one in WHO_MAY[right])
        has = f"is {' and '.join(named[one] for one in sorted(held))}" if held else "has no role"
        raise CommandError(
            f"--by: {person.name or person.id} {has}, and only {able} may do this:"
            f" 'badge-issuer role give PERSON {WHO_MAY[right][0]}' gives the role."
        )
    return person, role
