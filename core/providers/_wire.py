"""What the chat protocols have in common: the turns a model is shown, a count of tokens, a usable key.

Pure helpers; what only one protocol does stays in its own file.
"""

from __future__ import annotations

from typing import Any

from core.tiers import Prompt, Usage


def turns(prompt: Prompt) -> list[dict[str, str]]:
    """The history as alternating `role`/`content` turns starting with the customer.

    An answer that was begun comes last, for the model to go on from. Lines of one role in a row become one turn and
    empty ones go: one protocol and many chat templates refuse either.
    """
    said: list[dict[str, str]] = []
    for line in prompt.lines:
        if not line.text.strip() or (not said and line.role != "user"):
            continue
        if said and said[-1]["role"] == line.role:
            said[-1]["content"] += "\n" + line.text
        else:
            said.append({"role": line.role, "content": line.text})
    if begun := prompt.begun.rstrip():  # vendors refuse blanks at its end
        said.append({"role": "assistant", "content": begun})
    return said


def usage(given: Any, output: Any, cached: Any) -> Usage | None:
    """The vendor's count, None unless all three are whole numbers that fit together: wrong is worse than unknown."""
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in (given, output, cached)):
        return None
    return Usage(given, output, cached) if cached <= given else None


def key_problem(key: str) -> str:
    """Why this key cannot be sent, empty when it can. The key itself is never quoted."""
    if not key:
        return "no key"
    return "" if key.isascii() and key.isprintable() and " " not in key else "the key has characters no key has"
