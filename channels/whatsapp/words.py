"""The words by which a customer wants no more messages, or wants them again, and when a message is such a word.

Only a whole message counts: "stop" inside a sentence is about something else. What follows is the desk's affair.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.conversation import MessageKind
from core.plugins import PluginError

#: Of Twilio's English keywords only those that are no answer to a question: not `cancel`, `end`, `quit` and `yes`
#: (twilio.com/docs/messaging/tutorials/advanced-opt-out; research: channels, section 9).
OPT_OUT: Mapping[str, Sequence[str]] = {
    "en": ("stop", "stop all", "stopall", "unsubscribe", "opt out", "opt-out", "optout"),
    "da": ("stop", "stop alle", "afmeld", "frameld"),
    "de": ("stop", "stopp", "abmelden", "abbestellen"),
}
OPT_IN: Mapping[str, Sequence[str]] = {
    "en": ("start", "unstop", "subscribe", "opt in", "opt-in", "optin"),
    "da": ("start", "tilmeld"),
    "de": ("start", "starten", "wieder anmelden"),
}

_BLANKS = re.compile(r"\s+")
_OPENING = "¡¿"  # Spanish sentences begin with the mark they end with


@dataclass(frozen=True, slots=True)
class Words:
    """The words of all languages spoken here, as `plain` writes them."""

    out: frozenset[str]
    back: frozenset[str]

    def kind(self, text: str) -> MessageKind:
        """OPT_OUT or OPT_IN when the whole text is such a word, else TEXT."""
        word = plain(text)
        if word in self.out:
            return MessageKind.OPT_OUT
        return MessageKind.OPT_IN if word in self.back else MessageKind.TEXT


def words(
    languages: Sequence[str],
    opt_out: Mapping[str, Sequence[str]] | None = None,
    opt_in: Mapping[str, Sequence[str]] | None = None,
) -> Words:
    """The words for these ISO 639-1 codes: what config.yaml gives for a language replaces what is shipped for it.

    Raises PluginError for a language without words, naming it, and for words that are none or mean both.
    """
    out = _chosen("opt_out", languages, opt_out or {}, OPT_OUT)
    back = _chosen("opt_in", languages, opt_in or {}, OPT_IN)
    if both := sorted(out & back):
        raise PluginError(f"{both[0]!r} cannot mean opt_out and opt_in at once", "different words for them", "opt_in")
    return Words(out, back)


def plain(text: str) -> str:
    """A message as words are compared: `  STOP !!` -> `stop`. Case, outer blanks and final punctuation are ignored."""
    shown = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    word = _BLANKS.sub(" ", shown).strip().lstrip(_OPENING)
    while word and (word[-1] == " " or unicodedata.category(word[-1]).startswith("P")):
        word = word[:-1]
    return word.strip().casefold()


def _chosen(
    option: str, languages: Sequence[str], given: Mapping[str, Sequence[str]], shipped: Mapping[str, Sequence[str]]
) -> frozenset[str]:
    if not isinstance(given, Mapping):
        raise PluginError(f"{option} must name words for each language", f"{option}: {{en: [stop]}}", option)
    found: set[str] = set()
    for language in sorted({*languages, *given}):
        list_of_words = given.get(language, shipped.get(language, ()))
        example = f"{option}: {{{language}: [...]}} with the whole messages customers send"
        if isinstance(list_of_words, str) or not isinstance(list_of_words, Sequence) or not list_of_words:
            raise PluginError(f"{option} has no words for the language {language!r}", example, option)
        for word in list_of_words:
            if not isinstance(word, str) or not plain(word):
                raise PluginError(f"{option} has something under {language!r} that is no word", example, option)
            found.add(plain(word))
    return frozenset(found)
