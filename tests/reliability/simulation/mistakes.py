"""Mistakes one could make in the present sources, each of which the simulation must notice within a few hundred seeds.

A table and nothing else; how it is walked through is in `planted`.
"""

from __future__ import annotations

from tests.reliability.planted.bugs import Bug

LEASES, WORK, INBOX = (f"core/store/{name}.py" for name in ("leases", "work", "inbox"))
LANE, HOLDING, INTAKE = "core/lane.py", "core/leases.py", "channels/telegram/intake.py"

MISTAKES = (
    Bug(
        "no fence around plans and marks",
        LEASES,
        "if claim is not None and c.execute(_fence, _of(owner, claim)).first() is None:",
        "if False:",
        (),
    ),
    Bug(
        "settling is not fenced",
        WORK,
        '_grow.where(conversation.c.owner == bindparam("me"), conversation.c.epoch == bindparam("e"))',
        '_grow.where(bindparam("me", type_=String) != "", bindparam("e", type_=Integer) >= 0)',
        (),
    ),
    Bug(
        "what was settled is settled again",
        WORK,
        '.where(conversation.c.conv == bindparam("c"), ~_settled.exists())',
        '.where(conversation.c.conv == bindparam("c"))',
        (),
    ),
    Bug(
        "a message joins its lane as often as it is told of",
        LANE,
        "        if message.id in self._seen:\n",
        "        if False:\n",
        (),
    ),
    Bug(
        "a webhook is acknowledged before the commit",
        INTAKE,
        "return web.Response() if await self._take([update]) else web.Response(status=503, headers=LATER)",
        "asyncio.ensure_future(self._take([update]))\n        return web.Response()",
        (),
    ),
    Bug(
        "the offset moves on before the commit",
        INTAKE,
        "            if committed:\n",
        "            if committed or not asked_to_wait:\n",
        (),
    ),
    Bug(
        "a duplicate counts as work",
        INBOX,
        '        c.execute(_unsay, {"c": conv})\n',
        "",
        (),
    ),
    Bug(
        "a chat is taken over before its lease is over",
        LEASES,
        "_over = conversation.c.lease_until < now_micros()",
        "_over = conversation.c.lease_until < UNTIL",
        (),
    ),
    Bug(
        "an epoch outlives its owner",
        LEASES,
        '"epoch": case((anew, conversation.c.epoch + 1), else_=conversation.c.epoch)',
        '"epoch": case((anew, conversation.c.epoch), else_=conversation.c.epoch)',
        (),
    ),
    Bug(
        "what may have been sent is sent again where it must not be",
        "tests/reliability/simulation/posting.py",
        "if part.state in DOUBTFUL and self.name == AT_MOST:",
        "if False:",
        (),
    ),
    Bug(
        "the whole answer is the opening",
        "channels/telegram/delivery.py",
        "shown = Rich(first_clause(rich.text, OPENING))",
        "shown = rich",
        (),
    ),
    Bug(
        "an answer is sent before it is planned",
        "core/burst.py",
        "        parts = await self._store.plan(self._settlement(), texts, self._claim)\n",
        "        parts = [Part(self._settlement().key, n, text) for n, text in enumerate(texts)]\n",
        (),
    ),
    Bug(
        "work nobody told of is not looked for",
        HOLDING,
        '            group.create_task(self._for_ever("looking", self.look, self._until_news))\n',
        "",
        (),
    ),
    Bug(
        "what an operator asked for is taken for what a customer wrote",
        LANE,
        "return self._taken(self._more()[:most])",
        "return self._taken(self.waiting[:most])",
        (),
    ),
    Bug(
        "more that came in the moment of the first piece cuts the answer off",
        LANE,
        "        if self.interrupted is Interrupt.MORE:  # it came in the very moment the first piece did\n",
        "        if False:\n",
        (),
    ),
    Bug(
        "messages are answered in the opposite order",
        INBOX,
        "query = query.order_by(inbox.c.at, inbox.c.seq)",
        "query = query.order_by(inbox.c.at.desc(), inbox.c.seq.desc())",
        (),
    ),
    Bug(
        "what came by way of another process is not looked for before an answer is begun",
        HOLDING,
        "        while lane.stale:\n            await self._bring(lane)\n",
        "        return\n",
        (),
    ),
)
