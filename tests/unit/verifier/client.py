"""Asks an application in process, without a socket: what a browser or a program would send."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI


class AppClient:
    """A client of one application. No redirect is followed; an error that nobody foresaw becomes its answer."""

    def __init__(self, app: FastAPI, *, address: str = "127.0.0.1") -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 4711))

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        """One request; `content` as for `httpx.AsyncClient.request`."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="https://verify.example") as client:
                return await client.request(method, path, **content)

        return asyncio.run(ask())

    def get(self, path: str, **content: Any) -> httpx.Response:
        return self.request("GET", path, **content)

    def post(self, path: str, **content: Any) -> httpx.Response:
        return self.request("POST", path, **content)

    def options(self, path: str, **content: Any) -> httpx.Response:
        return self.request("OPTIONS", path, **content)
