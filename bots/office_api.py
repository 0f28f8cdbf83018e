"""The operator page and the "why this answer" drawer over HTTP: who may, and the desk's values as JSON.

For loopback, or with the operator key; everybody else gets 404 where no key is set, else a form that asks for it.
What an operator's action does is the Office's business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote

from aiohttp import web

from bots.gate import Gate, KeyRefused
from bots.office import Office, Receipt, Summary
from channels.web import door
from channels.web.assets import Assets
from channels.web.turns import turn_views
from core.conversation import Address, Holder
from core.errors import ChannelError, FirstlineError, StoreError

TEXT_CHARACTERS = 4000
LISTED = 200
NAME_CHARACTERS = 60
LAST_CHARACTERS = 200
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
SHORT = 4
SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "audio/ogg", "audio/mpeg", "video/mp4"})
"""Types a browser shows without running anything of the sender's."""

ORDER = {Holder.WAITING: 0, Holder.PERSON: 1, Holder.BOT: 2, Holder.OPTED_OUT: 3}

T = TypeVar("T")


def routes(office: Office, operator_key: str) -> Sequence[web.AbstractRouteDef]:
    """What the server mounts for operators. An empty key leaves only loopback."""
    desk = _OfficeRoutes(office, Gate(operator_key))
    return (
        web.get("/operator", desk.page),
        web.get("/operator/static/{name}", desk.static),
        web.post("/operator/login", desk.login),
        web.post("/operator/logout", desk.logout),
        web.get("/operator/api/conversations", desk.conversations),
        web.get("/operator/api/transcript", desk.transcript),
        web.get("/operator/api/file", desk.file),
        web.post("/operator/api/{action:take|reply|back}", desk.act),
        web.get("/why", desk.may_ask_why),
        web.get("/why/{message}", desk.why),
    )


class _OfficeRoutes:
    def __init__(self, office: Office, gate: Gate) -> None:
        self._office = office
        self._gate = gate
        self._assets = Assets()

    async def page(self, request: web.Request) -> web.Response:
        if self._gate.allows(request):
            return self._html("operator.html")
        self._gate.check_known()
        return self._html("login.html", 401, problem="")

    async def static(self, request: web.Request) -> web.Response:
        """The scripts and styles: the same that every visitor of the chat gets, so no secret."""
        return self._assets.serve(request, request.match_info["name"], door.headers())

    async def login(self, request: web.Request) -> web.Response:
        if not door.from_here(request):
            raise door.refuse(403, "This page is not allowed to do that.")
        fields = parse_qs((await door.body_of(request)).decode(errors="replace"))
        try:
            cookie = self._gate.open(request, "".join(fields.get("key", [])))
        except KeyRefused as refused:
            return self._html("login.html", refused.status, problem=str(refused))
        return web.Response(status=303, headers={"Location": "/operator", "Set-Cookie": cookie} | NO_STORE)

    async def logout(self, request: web.Request) -> web.Response:
        self._gate.check_post(request)
        return web.Response(status=303, headers={"Location": "/operator", "Set-Cookie": self._gate.close(request)})

    async def conversations(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        listed = sorted(await _asked(self._office.conversations()), key=_urgency)[:LISTED]
        return web.json_response({"conversations": [_summary_view(s) for s in listed]}, headers=NO_STORE)

    async def transcript(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        conversation = await _asked(self._office.transcript(_address(request.query.get("address"))))
        limits = self._office.limits(conversation)
        view = {"holder": str(conversation.holder), "turns": turn_views(conversation), "limits": limits}
        return web.json_response(view, headers=NO_STORE)

    async def file(self, request: web.Request) -> web.Response:
        """A customer's file. What a browser could run is only ever offered for saving, and in a sandbox."""
        self._gate.check(request)
        address, number = _address(request.query.get("address")), request.query.get("number", "0")
        media = None
        if number.isascii() and number.isdecimal() and len(number) < SHORT:
            media = await _asked(self._office.file(address, request.query.get("message", ""), int(number)))
        if media is None:
            raise door.refuse(404, "There is no such file.")
        shown = media.mime in SHOWN
        headers = {"Content-Security-Policy": "default-src 'none'; sandbox"} | NO_STORE
        headers["Content-Type"] = media.mime if shown else "application/octet-stream"
        headers["Content-Disposition"] = (
            "inline" if shown else f"attachment; filename*=UTF-8''{quote(media.name, safe='')}"
        )
        return web.Response(body=media.content, headers=headers)

    async def act(self, request: web.Request) -> web.Response:
        self._gate.check_post(request)
        said = door.object_in(await door.body_of(request))
        address = _address(said.get("address"))
        action = request.match_info["action"]
        who = door.words(said.get("who") or "operator", "who", NAME_CHARACTERS)
        if action == "take":
            await _asked(self._office.take(address, who))
        elif action == "reply":
            await _asked(self._office.reply(address, door.words(said.get("text"), "text", TEXT_CHARACTERS), who))
        else:
            note = door.words(said["note"], "note", TEXT_CHARACTERS) if said.get("note") else ""
            await _asked(self._office.back(address, note))
        return web.json_response({}, headers=NO_STORE)

    async def may_ask_why(self, request: web.Request) -> web.Response:
        return web.json_response({"allowed": self._gate.allows(request)}, headers=NO_STORE)

    async def why(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        visitor = door.visitor_of(request)
        address = _address(request.query.get("address") or (f"web:{visitor}" if visitor else None))
        receipt = await _asked(self._office.why(address, request.match_info["message"]))
        if receipt is None:
            raise door.refuse(404, "Nothing is known about this answer.")
        return web.json_response(_receipt_view(receipt), headers=NO_STORE)

    def _html(self, name: str, status: int = 200, **values: str) -> web.Response:
        text = self._assets.page(name, **values)
        return web.Response(text=text, status=status, content_type="text/html", headers=door.headers() | NO_STORE)


async def _asked(doing: Awaitable[T]) -> T:
    """What the office gives, or its errors as answers: they carry words for operators, never a secret."""
    try:
        return await doing
    except StoreError:
        raise door.refuse(503, "The store does not answer. Try again.", retry_after="2") from None
    except ChannelError as error:
        raise door.refuse(502, f"It did not reach the customer: {error}") from None
    except FirstlineError as error:
        raise door.refuse(409, str(error)) from None


def _address(text: object) -> Address:
    try:
        return Address.parse(text if isinstance(text, str) else "")
    except ValueError:
        raise door.refuse(400, "'address' must be channel:chat") from None


def _urgency(summary: Summary) -> tuple[int, float]:
    """Those who wait first, longest first; then the others, newest first."""
    waiting = summary.waiting_since.timestamp() if summary.waiting_since else -summary.last_at.timestamp()
    return ORDER[summary.holder], waiting


def _summary_view(summary: Summary) -> dict[str, Any]:
    return {
        "address": str(summary.address),
        "customer": summary.customer,
        "last_text": summary.last_text[:LAST_CHARACTERS],
        "last_at": summary.last_at.isoformat(),
        "holder": str(summary.holder),
        "waiting_since": summary.waiting_since.isoformat() if summary.waiting_since else None,
        "reason": summary.reason,
    }


def _receipt_view(receipt: Receipt) -> dict[str, Any]:
    rules = [{"name": r.name, "why": r.why, "without": r.without, "held": r.held} for r in receipt.rules]
    readings = [
        {"name": name, "value": r.value, "note": r.note, "score": r.score, "failed": r.failed}
        for name, r in receipt.readings.items()
    ]
    numbers = {"first_text": receipt.first_text, "total": receipt.total}
    return {
        "tier": receipt.tier,
        "cost": receipt.cost,
        "book": receipt.book,
        "rules": rules,
        "readings": readings,
    } | numbers
