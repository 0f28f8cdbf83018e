"""Our side of the comparison: a chain as it is assembled for config.yaml's tiers, in front of the fake vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing

from benchmarks._calls.worker import DIALOGUE, TOKENS, Call
from core.answering.availability import Availability
from core.answering.chain import Answer, Chain
from core.answering.checks import empty, language, leak, not_knowing, refusal
from core.answering.deadline import Patience
from core.answering.hedge import Hedge
from core.answering.means import Means
from core.answering.request import Request
from core.ports import Provider
from core.providers import openai_chat
from core.tiers import Line, ModelCard, Prompt, Tier

PROMPT = Prompt(DIALOGUE[0]["content"], tuple(Line(turn["role"], turn["content"]) for turn in DIALOGUE[1:]))
GOOD, DOWN = ModelCard("good", "model", free=True), ModelCard("down", "model", free=True)


CHECKED = Means(checks=tuple(check.build() for check in (empty, refusal, not_knowing, language, leak)), hedge=Hedge())


def chain(cards: Sequence[ModelCard], providers: Mapping[str, Provider], patience: Patience | None = None) -> Chain:
    """The parts that are on unless somebody turns them off."""
    means = Means(patience=patience or Patience())
    return Chain({Tier.QUICK: list(cards)}, providers, Availability(providers), means)


def asked(chain: Chain, prompt: Prompt = PROMPT) -> Answer:
    """How the chain is asked: the one place that knows."""
    return chain.answer(Request(prompt, Tier.QUICK))


async def read(answer: Answer, heard: Callable[[], None]) -> None:
    """The answer's text to its end."""
    waiting = True
    async with aclosing(answer.text()) as pieces:
        async for _ in pieces:
            if waiting:
                heard()
                waiting = False


def calls(url: str) -> dict[str, Call]:
    """A call that succeeds, one that is checked and may be hedged besides, and one whose first model's vendor is down.

    For the last the chain is another each time: ours would stop asking a vendor that is down after a few calls.
    """
    good = openai_chat.build(url=f"{url}/{TOKENS}/0/v1", key="k")
    providers = {"good": good, "down": openai_chat.build(url=f"{url}/down/v1", key="k")}
    lasting = chain([GOOD], providers)
    careful = Chain({Tier.QUICK: [GOOD]}, providers, Availability(providers), CHECKED)

    async def call(heard: Callable[[], None]) -> None:
        await read(asked(lasting), heard)

    async def checked(heard: Callable[[], None]) -> None:
        await read(asked(careful), heard)

    async def fallback(heard: Callable[[], None]) -> None:
        await read(asked(chain([DOWN, GOOD], providers)), heard)

    return {"call": call, "call with checks and hedge": checked, "fallback": fallback}
