"""Prints one table of what every signal is worth on the public data, beside what is simpler: `make evaluate`.

    python tools/evaluate.py ../shared/data [--json] [SIGNAL ...]

Each line is `firstline evaluate` on one file; what a figure means stands in that signal's file in core/evaluation. A
file that is not there is left out and named.
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from core.encoder import onnx
from core.evaluation import Evaluation, Task
from core.plugins import module

OURS = Path(__file__).resolve().parent.parent / "benchmarks" / "data"
FITTED = "the shipped weights were fitted on it: docs/signals.md has the folds"
FOLDED = "the shipped weights were fitted on it; apgr_cv is of five folds"
TALKS = "tweetsumm/dialogues.jsonl"
SETS: tuple[tuple[str, str, str, str], ...] = (
    ("faq", "faq", "", ""),
    ("intent", "banking77/train.csv", "", "five folds"),
    ("intent", "clinc150/train_val.json", "", "learned from train, measured on val"),
    ("intent", "bitext/train.csv", "", "five folds"),
    ("frustration", "frustration/dialogues_odd.csv", "", FITTED),
    ("rephrase", "faq/queries.csv", "", ""),
    ("rephrase", "rephrase_turns.csv", TALKS, ""),
    ("asks_for_person", "asks_for_person.csv", "", "half test"),
    ("asks_for_person", "asks_for_person_blind.csv", "", "half test"),
    ("personal_data", "pii/generated_small.json", "", ""),
    ("complexity", "routing/routellm_gsm8k.csv", "", FOLDED),
    ("complexity", "routing/routellm_mmlu.csv", "", FOLDED),
    ("complexity", "routing/routellm_gsm8k.csv", "routing/routellm_mmlu.csv", "learned from the other table"),
    ("language", "lang/requests.csv", "", ""),
)
"""Signal, data, what goes with it, and what to know of it; data of ours stands in benchmarks/data."""


def main() -> None:
    """Evaluate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("signals", nargs="*")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    encoder = onnx.build()
    print("| signal | set | figure | value | 95 % interval | n | beside it |\n|---|---|---|---|---|---|---|")
    found = []
    for signal, data, train, remark in SETS:
        place = OURS / data if (OURS / data).exists() else given.folder / data
        if given.signals and signal not in given.signals:
            continue
        if not place.exists():
            print(f"| `{signal}` | {data} is not there | | | | | |")
            continue
        task = Task(place, given.folder / train if train else None, encoder)
        evaluation: Evaluation = module("core.evaluation", signal).evaluate(task)
        told = f"{data} ({remark})" if remark else data
        print("\n".join(lines(evaluation, told)), flush=True)
        found.append({"set": told, **asdict(evaluation)})
    if given.json:
        print(json.dumps(found))


def lines(found: Evaluation, told: str) -> list[str]:
    """The evaluation as lines of a Markdown table; a baseline stands beside the figure of the same name."""
    told_of = []
    apart = [other for other in found.baseline if not any(name in other for name in found.metrics)]
    for name, figure in found.metrics.items():
        beside = [
            f"{other.replace(name, '').strip('_ ') or 'baseline'} {base.value:.3f}"
            for other, base in found.baseline.items()
            if name in other or (other in apart and not told_of)
        ]
        between = f"{figure.low:.3f}-{figure.high:.3f}"
        cells = (f"`{found.signal}`", told, name, f"{figure.value:.3f}", between, str(figure.n), ", ".join(beside))
        told_of.append(f"| {' | '.join(cells)} |")
    return told_of


if __name__ == "__main__":
    main()
