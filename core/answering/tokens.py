"""How many tokens a prompt will come to, before any vendor has counted it: once as it usually is, once at most.

Estimates only, the same for every model; what was really used is the vendor's word, in Usage. Pictures are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.tiers import Prompt

PER_LINE = 4
"""Tokens a chat format spends on a line besides its text, as a rule."""

PER_LINE_MOST = 16
"""The same at most: role, separators and end marks of the widest format known to us, with room to spare."""

FRAME_MOST = 256
"""Tokens a vendor may put around a whole prompt, such as the system text that gpt-oss models always get (about 70)."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """`likely` is for choosing a model and for what still fits, `most` for setting money aside: it is not exceeded."""

    likely: int
    most: int


def estimate(prompt: Prompt) -> Tokens:
    """The tokens of everything a model is shown, without the answer to come.

    `likely`: four characters a token, which OpenAI gives as its rule of thumb for English, and 3/8 more for every byte
    that UTF-8 needs beyond one a character, so that a Chinese character comes to one token. `most`: one token a byte;
    no byte-level vocabulary, which is what the vendors in models.yaml use, makes more of a text.
    """
    characters, size = 0, 0
    texts = (prompt.system, prompt.begun, *(line.text for line in prompt.lines))
    for text in texts:
        characters += len(text)
        size += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    lines = len(prompt.lines) + bool(prompt.system) + bool(prompt.begun)
    likely = -(-(2 * characters + 3 * (size - characters)) // 8)
    return Tokens(likely + PER_LINE * lines, size + PER_LINE_MOST * lines + FRAME_MOST)
