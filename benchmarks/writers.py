"""Measures eight processes that read and then write one SQLite file at once: who is locked out, and what is lost.

    python -m benchmarks.writers            8 processes of 500 transactions each; a few minutes
    python -m benchmarks.writers --quick    8 of 25

The ledger's transactions are notes on a run: each reads the chain's head, hashes, writes an event, and is durable
when it returns. Beside it, on the same disk: the least that must be done (the same read and write on one table, with
BEGIN IMMEDIATE, which is this file's limit); the same with a plain BEGIN, as most programs do it; and Optuna's RDB
storage, whose transaction here is one ``ask``, one user attribute and one ``tell`` (optional: pip install optuna).
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from queue import Queue
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.figures import Figure, machine_facts, table, write

TITLE = "Eight writers on one SQLite file"
WRITERS = 8
TIMEOUT_S = 5.0
"""How long the rivals' connections wait for a lock: sqlite3's own default."""

PATIENCE_S = 3600.0
STUDY = SUBJECT = "bench"


@dataclass(frozen=True)
class Outcome:
    """Of one contender: transactions that came through and that failed, how many are in the file, and the seconds."""

    done: int
    failed: int
    found: int
    seconds: float
    first_failure: str


@dataclass(frozen=True)
class Contender:
    """``prepare`` makes the file, ``act`` gives a process its transaction, ``count`` what the file holds in the end."""

    name: str
    prepare: Callable[[Path], None]
    act: Callable[[Path], Callable[[int], None]]
    count: Callable[[Path], int]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writers", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few transactions; too few to conclude from")
    quick = parser.parse_args().quick
    rounds = 25 if quick else 500
    facts, figures = machine_facts(), []
    per_second: dict[str, float] = {}
    for contender in CONTENDERS:
        if contender.name == OPTUNA and importlib.util.find_spec("optuna") is None:
            figures.append(Figure(f"{OPTUNA}: transactions", None, "/s", "optuna is not installed"))
            continue
        print(contender.name, file=sys.stderr)
        found = measured(contender, rounds)
        lost = found.done - found.found
        per_second[contender.name] = found.done / found.seconds
        figures += [Figure(f"{contender.name}: transactions", per_second[contender.name], "/s",
                           f"{found.done} of {WRITERS * rounds} in {found.seconds:.1f} s"),
                    Figure(f"{contender.name}: failed", found.failed, "", found.first_failure),
                    Figure(f"{contender.name}: lost", lost, "", "came through and are not in the file")]
    figures += [Figure(f"the ledger, against {name}", per_second[LEDGER] / rate, "×", "transactions that come through")
                for name, rate in per_second.items() if name != LEDGER]
    print(table(TITLE, facts, figures), end="")
    for path in write("writers-quick" if quick else "writers", TITLE, facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0


def measured(contender: Contender, rounds: int) -> Outcome:
    """All processes at once on a new file."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="kdorch-bench-") as place:
        path = Path(place) / "file.sqlite"
        contender.prepare(path)
        barrier, answers = context.Barrier(WRITERS + 1), context.Queue()
        processes = [context.Process(target=_write, args=(contender.name, path, rounds, barrier, answers))
                     for _ in range(WRITERS)]
        for process in processes:
            process.start()
        barrier.wait(PATIENCE_S)
        begun = time.perf_counter()
        told = [answers.get(timeout=PATIENCE_S) for _ in processes]
        seconds = time.perf_counter() - begun
        for process in processes:
            process.join()
        failures = [failure for _, _, failure in told if failure]
        return Outcome(sum(done for done, _, _ in told), sum(failed for _, failed, _ in told), contender.count(path),
                       seconds, failures[0] if failures else "")


def _write(name: str, path: Path, rounds: int, barrier: Barrier, answers: Queue[Any]) -> None:
    """One process: every transaction is tried once, as a program does that trusts its database to wait."""
    act = next(c for c in CONTENDERS if c.name == name).act(path)
    barrier.wait(PATIENCE_S)
    done, failed, first = 0, 0, ""
    for i in range(rounds):
        try:
            act(i)
            done += 1
        except Exception as error:  # noqa: BLE001 - how it fails is what is measured
            failed += 1
            first = first or f"{type(error).__name__}: {str(error).splitlines()[0]}"[:120]
    answers.put((done, failed, first))


def _prepare_ledger(path: Path) -> None:
    from orchestrator.ledger.store import Ledger

    with Ledger.open(path, clock=_now) as ledger:
        assert ledger.head()


def _act_on_ledger(path: Path) -> Callable[[int], None]:
    from orchestrator.ledger.reads import PERSON_NOTE
    from orchestrator.ledger.store import Ledger

    ledger = Ledger.open(path, clock=_now)

    def act(i: int) -> None:
        ledger.note(PERSON_NOTE, SUBJECT, {"words": f"the {i}th"})

    return act


def _count_ledger(path: Path) -> int:
    from orchestrator.ledger.store import Ledger

    with Ledger.open(path, clock=_now) as ledger:
        ledger.verify_chain()
        return len(ledger.notes(SUBJECT))


def _now() -> datetime:
    return datetime.now(UTC)


def _prepare_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (seq INTEGER PRIMARY KEY, before INTEGER NOT NULL)")


def _act_on_table(begin: str) -> Callable[[Path], Callable[[int], None]]:
    def opened(path: Path) -> Callable[[int], None]:
        connection = sqlite3.connect(path, timeout=TIMEOUT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")

        def act(_i: int) -> None:
            connection.execute(begin)
            try:
                last = connection.execute("SELECT coalesce(max(seq), 0) FROM t").fetchone()[0]
                connection.execute("INSERT INTO t VALUES (?, ?)", (last + 1, last))
                connection.execute("COMMIT")
            except sqlite3.Error:
                connection.execute("ROLLBACK")
                raise

        return act

    return opened


def _count_table(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


def _prepare_optuna(path: Path) -> None:
    _study(path, create=True)


def _act_on_optuna(path: Path) -> Callable[[int], None]:
    study = _study(path, create=False)

    def act(i: int) -> None:
        trial = study.ask()
        trial.set_user_attr("i", i)
        study.tell(trial, 0.0)

    return act


def _count_optuna(path: Path) -> int:
    return sum(trial.state.is_finished() for trial in _study(path, create=False).trials)


def _study(path: Path, *, create: bool) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = f"sqlite:///{path}"
    return optuna.create_study(storage=url, study_name=STUDY) if create else optuna.load_study(
        storage=url, study_name=STUDY, sampler=optuna.samplers.RandomSampler(seed=0))


LEDGER, OPTUNA = "the ledger", "Optuna's RDB storage"
CONTENDERS = (
    Contender(LEDGER, _prepare_ledger, _act_on_ledger, _count_ledger),
    Contender("one table, BEGIN IMMEDIATE", _prepare_table, _act_on_table("BEGIN IMMEDIATE"), _count_table),
    Contender("one table, plain BEGIN", _prepare_table, _act_on_table("BEGIN"), _count_table),
    Contender(OPTUNA, _prepare_optuna, _act_on_optuna, _count_optuna),
)


if __name__ == "__main__":
    sys.exit(main())
