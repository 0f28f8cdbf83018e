"""Any order of setting aside, settling, giving back, charging and dying, beside a model anybody can check by eye.

    python -m tests.fuzz.budgets --steps 100000

The model has a list of reservations and adds them up; the store is the real one, in memory. Prints a JSON line at the
end; the exit status is 1 when the two ever disagree, and hypothesis shows the shortest way there.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, Engine, text

from core.budgets import Account, Hold
from core.conversation import Address
from core.records import Call, Entry, Outcome, Settlement
from core.store import budgets, sqlite, work
from core.store.appends import gathered
from core.store.schema import metadata
from core.tiers import Money

LIMITS = (0, 1, 7, 30, None)
NAMES = ("customer/EUR/a", "customer/EUR/b", "feature/EUR/answer", "tenant/EUR/all")
AT = datetime(2026, 3, 2, tzinfo=UTC)
STEPS = 50
"""Steps of one life at most."""


class Count:
    """Steps made, over all lives."""

    steps = 0


@dataclass
class Kept:
    """One reservation as the model has it. `paid` is None while nobody has settled it."""

    amount: int
    accounts: tuple[Account, ...]
    lost: bool = False
    paid: int | None = None
    final: bool = False


class Engines:
    """One database for all lives, emptied before each: making one takes longer than a life."""

    _made: Engine | None = None
    _connection: Connection | None = None

    @classmethod
    def connection(cls) -> Connection:
        """The one connection, to an empty database."""
        if cls._connection is None:
            cls._made = sqlite.engine("sqlite://")
            metadata.create_all(cls._made)
            cls._connection = cls._made.connect()
        with cls._connection.begin():
            for table in metadata.tables.values():
                cls._connection.execute(table.delete())
        return cls._connection


class Budgets(RuleBasedStateMachine):
    """The store's statements and the model's arithmetic, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.db = Engines.connection()
        self.kept: dict[str, Kept] = {}
        self.accounts: tuple[Account, ...] = ()
        self.number = 0

    @initialize(limits=st.lists(st.sampled_from(LIMITS), min_size=len(NAMES), max_size=len(NAMES)))
    def limit(self, limits: list[int | None]) -> None:
        """Accounts with limits of their own."""
        pairs = zip(NAMES, limits, strict=True)
        self.accounts = tuple(Account(name, "day/2999-01-01", None, limit) for name, limit in pairs)

    @rule(
        amount=st.integers(0, 12),
        which=st.sets(st.integers(0, 3), min_size=1),
        final=st.booleans(),
        again=st.booleans(),
    )
    def reserve(self, amount: int, which: set[int], *, final: bool, again: bool) -> None:
        """Set aside what fits everywhere; once more under the same name changes nothing."""
        chosen = tuple(self.accounts[n] for n in sorted(which, reverse=True))
        self.number += 1
        final = final and self.number % 4 == 0
        hold = Hold(f"r{self.number}", amount, chosen, "EUR", "web:1", "vendor", "small", final=final)
        fits = all(sum(self.stand(each)) + amount <= each.most for each in chosen)
        for _ in range(2 if again else 1):
            held = self.commit(lambda c: budgets.reserve(c, hold))
            assert bool(held.refused) != fits, (held, fits)
        if fits:
            self.kept[hold.id] = Kept(amount, chosen, final=final, paid=amount if final else None)
        self.counted()

    @rule(data=st.data(), share=st.sampled_from([None, 0, 1, 2, 3]), twice=st.booleans())
    def settle(self, data: st.DataObject, share: int | None, *, twice: bool) -> None:
        """A burst ends with up to three calls: some known, one perhaps unheard of."""
        names = data.draw(st.lists(st.sampled_from([*self.kept, "unheard of"]), min_size=1, max_size=3, unique=True))
        self.number += 1
        paid = {
            name: None if share is None or name not in self.kept else self.kept[name].amount * share // 3
            for name in names
        }
        calls = tuple(
            Call("vendor", "small", "answered", 1.0, cost=money(paid[name]), reservation=name) for name in names
        )
        where = Address("web", "1")
        end = Settlement(f"s{self.number}", where, (), Entry(AT, where, (), Outcome.ANSWERED, calls=calls))
        for _ in range(2 if twice else 1):
            self.commit(lambda c: work.settle(c, "me", end, None))
        for name in names:
            kept, cost = self.kept.get(name), paid[name]
            if kept is not None and kept.paid is None:
                kept.paid = kept.amount if cost is None else cost
        self.counted()

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A call was never sent."""
        name = data.draw(st.sampled_from([*self.kept, "unheard of"]))
        self.commit(lambda c: budgets.cancel(c, [name]))
        if name in self.kept and self.kept[name].paid is None:
            self.kept[name].paid = 0
        self.counted()

    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """Some are overdue, and a sweep comes by."""
        open_ones = [name for name, kept in self.kept.items() if kept.paid is None and not kept.lost]
        dead = data.draw(st.sets(st.sampled_from(open_ones))) if open_ones else set()
        for name in dead:
            self.run("UPDATE reservation SET until = at - 1 WHERE id = :id", id=name)
            self.kept[name].lost = True
        assert self.commit(budgets.sweep) == len(dead)
        self.counted()

    @rule(fails=st.booleans())
    def fail(self, *, fails: bool) -> None:
        """A group is rolled back after it was done: nothing of it stays."""
        hold = Hold("rolled back", 1, self.accounts, "EUR")
        try:
            with self.db.begin(), gathered(self.db):
                budgets.reserve(self.db, hold)
                budgets.settle(self.db, [Call("v", "m", "answered", 1.0, reservation=name) for name in self.kept])
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        self.counted()

    @invariant()
    def agree(self) -> None:
        """Every account stands where the model says, never above its limit, and the ledger has every loss once."""
        stands = self.commit(lambda c: budgets.levels(c, self.accounts)) if self.accounts else {}
        for each in self.accounts:
            assert stands.get(each.key, (0, 0)) == self.stand(each), each
            assert sum(self.stand(each)) <= each.most
        lost = {row.reservation for row in self.run("SELECT reservation FROM call WHERE outcome = 'lost'")}
        assert lost == {name for name, kept in self.kept.items() if kept.lost and kept.paid is None}

    def stand(self, account: Account) -> tuple[int, int]:
        """What is spent and set aside, added up."""
        spent = reserved = 0
        for kept in self.kept.values():
            if account in kept.accounts:
                done = kept.amount if kept.lost and kept.paid is None else kept.paid
                spent += done or 0
                reserved += kept.amount if done is None else 0
        return spent, reserved

    def commit(self, unit: Any) -> Any:
        """One unit of work, as the store commits it."""
        with self.db.begin(), gathered(self.db):
            return unit(self.db)

    def run(self, statement: str, **values: object) -> Any:
        """A statement behind everybody's back."""
        with self.db.begin():
            done = self.db.execute(text(statement), values)
            return done.all() if done.returns_rows else []

    def counted(self) -> None:
        """One more step."""
        Count.steps += 1


def money(amount: int | None) -> Money | None:
    """So many pico-units."""
    return None if amount is None else Money(Decimal(amount).scaleb(-12), "EUR")


def run(steps: int, *, anew: bool) -> int:
    """So many steps at least; how many there were."""
    Count.steps = 0
    while Count.steps < steps:
        lives = max(1, (steps - Count.steps) // (STEPS // 2))
        run_state_machine_as_test(
            Budgets,
            settings=settings(
                max_examples=lives,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=not anew,
                database=None,
                phases=[Phase.generate, Phase.shrink] if anew else [Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    return Count.steps


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.budgets", description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    made = run(parser.parse_args().steps, anew=True)
    sys.stdout.write(f"{json.dumps({'steps': made, 'disagreements': 0})}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
