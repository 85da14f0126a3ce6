"""From a query to numbers, and from a deed's sentence or complaint to an answer: what every part of the remote control needs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

Number = TypeVar("Number", int, float)


def number(request: web.Request, name: str, default: Number) -> Number:
    """The number in the query, `default` without one; ValueError for what is none."""
    text = request.query.get(name)
    try:
        return default if text is None else type(default)(text)
    except ValueError:
        raise ValueError(f"{name} {text!r}: write a number such as {default}") from None


def answering(deed: Callable[[web.Request], str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The sentence of a deed as an answer; its ValueError is a 400."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return web.Response(text=f"{await asyncio.to_thread(deed, request)}\n")
        except ValueError as error:
            return web.Response(text=f"{error}\n", status=400)

    return answer
