"""How good a signal is on somebody's data: a file a signal, each with `evaluate(task)`. Nothing here runs in a bot."""

from core.evaluation._measures import Evaluation, Figure, Task

__all__ = ["Evaluation", "Figure", "Task"]
