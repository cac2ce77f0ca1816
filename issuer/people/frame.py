"""The frame of every page on which somebody is signed in or comes in: language, menu, form token."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from issuer.ground import pages
from issuer.ground.login.door import FORM_TOKEN, Visitor


class Frame:
    """The pages of one community."""

    def __init__(self, community: str) -> None:
        self._community = community

    def answer(
        self, request: Request, template: str, visitor: Visitor | None = None, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A page in the language that its reader asked for; with a visitor it has their menu and form token.

        Forms say from which site they come, so a page's address is told to our own site, and to nobody else.
        """
        values.setdefault("form_token", "" if visitor is None else visitor.session.form_token)
        values.setdefault("done", "")
        response = pages.page_for(
            request,
            template,
            status=status,
            private=True,
            community=self._community,
            visitor=visitor,
            form_token_field=FORM_TOKEN,
            path=request.url.path,
            **values,
        )
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    @staticmethod
    def back_to(path: str) -> RedirectResponse:
        """After something was done: the page on which it shows."""
        return RedirectResponse(path, 303, headers=pages.PRIVATE_HEADERS)
