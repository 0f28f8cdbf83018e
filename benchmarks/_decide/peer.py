"""A peer's decision on each of some texts, timed: started by benchmarks/decide.py in the peers' own environment.

Knows nothing of ours but the encoder's file, which semantic-router is given so that both read with the same model.
Usage: python -m benchmarks._decide.peer NAME, texts as a JSON list on standard input; microseconds come back as one.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import MagicMock

Decide = Callable[[str], object]

ROUTES = ("delivery", "returns", "payment", "account", "products", "repair", "gift", "stock", "complaint", "thanks")


def litellm(_: Sequence[str]) -> Decide:
    """Its complexity router: how hard a text is, by words and length."""
    module = importlib.import_module("litellm.router_strategy.complexity_router.complexity_router")
    tiers = dict.fromkeys(("SIMPLE", "MEDIUM", "COMPLEX", "REASONING"), "a model")
    router = module.ComplexityRouter("auto", MagicMock(), {"tiers": tiers})
    classify: Decide = router.classify
    return classify


def semantic_router(texts: Sequence[str]) -> Decide:
    """Its route layer over as many examples as our FAQ has entries, on the model file that we ship."""
    onnx = importlib.import_module("core.encoder.onnx").build()
    base = importlib.import_module("semantic_router.encoders.base").DenseEncoder

    class Same(base):  # type: ignore[misc, valid-type]
        name: str = "the same model"

        def __call__(self, docs: list[Any]) -> list[list[float]]:
            rows: list[list[float]] = onnx.embed(docs).tolist()
            return rows

    route = importlib.import_module("semantic_router").Route
    routes = [route(name=name, utterances=list(texts[n :: len(ROUTES)])) for n, name in enumerate(ROUTES)]
    layer: Decide = importlib.import_module("semantic_router.routers").IndexedRouter(encoder=Same(), routes=routes)
    return layer


PEERS: dict[str, Callable[[Sequence[str]], Decide]] = {"litellm": litellm, "semantic_router": semantic_router}
WARM = 20


def main(name: str) -> None:
    told = json.load(sys.stdin)
    decide = PEERS[name](told["examples"])
    took = []
    for number, text in enumerate(told["texts"]):
        began = time.perf_counter_ns()
        decide(text)
        if number >= WARM:
            took.append((time.perf_counter_ns() - began) / 1e3)
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1])
