"""The frame of every staff page: its templates, and what each of its forms and its menu need."""

from pathlib import Path
from typing import Any

from fastapi import Response

from verifier.ground.pages import Pages
from verifier.staff.door import FORM_TOKEN, Visitor

ROWS_SHOWN = 200  # of the audit log; `badge-verifier audit list` shows all


class StaffPages:
    """The templates of this room."""

    def __init__(self) -> None:
        self._pages = Pages(Path(__file__).parent / "templates")

    def answer(
        self, template: str, visitor: Visitor | None = None, *, status: int = 200, **values: Any
    ) -> Response:
        """A page; with a visitor it has their menu and their form token.

        Forms say from which site they come, so a page's address is told to our own site, and to nobody else.
        """
        if visitor is not None:
            values |= {"visitor": visitor, "form_token": visitor.session.form_token}
        response = self._pages.answer(template, status=status, form_token_field=FORM_TOKEN, **values)
        response.headers["Referrer-Policy"] = "same-origin"
        return response
