"""The whole error tree. Foreign errors are translated into it at the edge where they appear.

    FirstlineError
    ├── SettingsError           config.yaml, models.yaml or a file they name is wrong
    ├── StoreError              the store could not commit or read
    │   ├── InUse               another process has the store's file: ask that one
    │   └── Unreadable          what is kept of a message says nothing to anybody: it has to be parked
    ├── EncoderError            texts could not be given a meaning: signals read words only
    ├── Fenced                  another process answers this chat now: whatever this one was about to do is not done
    ├── Unfit                   a model's text must not be shown: `check` says which check found so
    ├── Withdrawn               the answer under way is not wanted any more: a person took the conversation
    ├── ChannelError            a platform call ended without success
    │   ├── NotSent             nothing reached the platform: repeating is safe
    │   ├── Unconfirmed         sent, but no answer came: it may stand in the chat
    │   ├── Throttled           the platform asks to wait `retry_after` seconds
    │   ├── Rejected            the platform refused this content: the same again will fail again
    │   │   └── WindowClosed    free text is not taken now: only after the customer writes again
    │   └── Unreachable         this chat takes nothing any more (blocked, deleted): final
    │       └── OptedOut        this customer asked for no more messages
    └── ProviderError           a model call ended without an answer
        ├── Unavailable         no connection, or the server failed (5xx)
        │   └── NotReached      no connection: nothing was sent, so nothing was spent
        ├── Busy                the vendor asks to slow down (429, 529)
        ├── Denied              key, quota or permission is wrong (401, 403)
        ├── BadPrompt           the vendor refused the request itself (400, 404, 413, 422)
        ├── Interrupted         the stream was cut, stalled or malformed
        └── NoAnswer            no model of any tier could answer, and nothing was shown

Only errors belong here: no handling, no logging, no text a customer reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class FirstlineError(Exception):
    """Anything firstline itself raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: where, what, and what to write instead. `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    what: str
    write: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place} {self.what}; write {self.write}" if self.write else f"{place} {self.what}"


class SettingsError(FirstlineError):
    """A configuration file is wrong; `problems` holds every fault found, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class StoreError(FirstlineError):
    """The store could not do what was asked; nothing of the unit of work was kept."""


class InUse(StoreError):
    """Another process has the store's file open; only that one can be asked."""


class Unreadable(StoreError):
    """What is kept of a message nobody can read any more, now or later; only this chat's message is concerned."""


class EncoderError(FirstlineError):
    """The encoder cannot be loaded or failed; whoever wanted vectors goes on without them."""


class Fenced(FirstlineError):
    """Another process answers this chat now; nothing of the unit of work was kept, and nothing more must be sent."""


class Unfit(FirstlineError):
    """A model's text must not be shown; `check` names what found so, the message says why, for operators."""

    def __init__(self, check: str, why: str) -> None:
        super().__init__(why)
        self.check = check


class Withdrawn(FirstlineError):
    """The answer under way is not wanted any more; a channel shows none of it and lets this pass."""


class ChannelError(FirstlineError):
    """A platform call ended without success."""


class NotSent(ChannelError):
    """Nothing reached the platform: repeating is safe."""


class Unconfirmed(ChannelError):
    """The request left and no answer came: it may stand in the chat."""


class Throttled(ChannelError):
    """The platform asks to send nothing to this chat for `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Rejected(ChannelError):
    """The platform refused this content; sending the same again will fail again."""


class WindowClosed(Rejected):
    """The platform takes no free text for this customer until they write again."""


class Unreachable(ChannelError):
    """This chat takes nothing any more: the bot is blocked, the chat or the user is gone."""


class OptedOut(Unreachable):
    """This customer asked for no more messages; only they can change that."""


class ProviderError(FirstlineError):
    """A model call ended without an answer."""


class Unavailable(ProviderError):
    """No connection, or the server failed."""


class NotReached(Unavailable):
    """No connection could be made: the vendor knows nothing of the call."""


class Busy(ProviderError):
    """The vendor asks to slow down; `retry_after` in seconds where it said so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Denied(ProviderError):
    """The key, the quota or a permission is wrong; only an operator can mend it."""


class BadPrompt(ProviderError):
    """The vendor refused the request itself, for example because it is too long."""


class Interrupted(ProviderError):
    """The stream was cut, stalled or malformed after it had begun."""


class NoAnswer(ProviderError):
    """No model of any tier could answer, and nothing was shown yet."""
