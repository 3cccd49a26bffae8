"""The small test trainer: a known loss curve with known noise, no torch; the same seed gives the same log.

The validation loss after ``n`` steps is ``floor + (start - floor) * exp(-p / decay_steps) + noise``, where every step
adds ``1 + boost_gain * max(0, lr_mult - 1) + kd_gain * [KD is on]`` to ``p``. ``lr_mult`` is the schedule of the spec,
and KD stops by the spec's rule. The train time it prints is ``step * step_ms`` and so repeats exactly;
``real_step_ms`` is how long a step takes in truth. ``fault`` makes it misbehave at ``fault_step``.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import platform
import random
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from worker.continuing import Beginning, beginning_of
from worker.durable import read_file, write_atomic
from worker.paths import AttemptDir, Root
from worker.wire import CONTRACT, ContractError, parse, parse_dispatch, parse_object, sha256_hex, to_bytes

EXIT_BAD_INPUT = 10
EXIT_NAN = 11
EXIT_OOM = 12
EXIT_STOPPED = 128 + signal.SIGTERM
FLOOD_BYTES = 4 << 20
_READ_LIMIT = 8 << 20


class BadInput(Exception):
    """The documents do not describe a run that can be made."""


class ToldToFail(Exception):
    """The spec's fault ends the run with ``code``."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class Schedule:
    """The learning-rate multiplier of a spec, with the further ramp that the KD stop sets off once and for ever."""

    def __init__(self, spec: dict[str, Any], horizon: int) -> None:
        self._s, self._horizon = spec, horizon
        self._finish_from: int | None = None

    def finish(self, step: int) -> None:
        """KD stopped at ``step``: ramp to ``finish`` over ``finish_ramp_steps``."""
        if self._finish_from is None:
            self._finish_from = step

    def at(self, step: int) -> float:
        """The multiplier for update number ``step``, counted from 1."""
        s, f = self._s, (step - 1) / self._horizon
        boost, hold, base = s["boost"], s["hold"], s["drop_to_base"]
        if f < hold:
            m = boost
        elif f < base:
            m = boost + (1.0 - boost) * (f - hold) / (base - hold)
        else:
            m = 1.0
        cooldown = s["cooldown"]
        if cooldown and f > 1.0 - cooldown:
            m *= 1.0 + (s["floor"] - 1.0) * (f - (1.0 - cooldown)) / cooldown
        if s["warmup_steps"]:
            m *= min(1.0, step / s["warmup_steps"])
        if self._finish_from is not None:
            m *= 1.0 + (s["finish"] - 1.0) * min(1.0, (step - self._finish_from) / s["finish_ramp_steps"])
        return float(m)


class Run:
    """One simulated training run. Lines go to standard output in the grammar of the contract."""

    def __init__(self, root: Root, attempt: AttemptDir) -> None:
        self._attempt = attempt
        self._spec = parse("spec", _read(root.spec(attempt.run_id)), root.spec(attempt.run_id))
        dispatch = parse_dispatch(_read(attempt.file("dispatch.json")), attempt.file("dispatch.json"))
        try:
            self._sim: dict[str, Any] = self._spec["simulated"]
            self._horizon = int(self._spec["horizon"])
            self._seed = int(self._spec["seed"])
            self._every = int(self._spec["validation"]["every"])
            self._schedule = Schedule(self._spec["schedule"], self._horizon)
            self._kd: dict[str, Any] | None = self._spec["kd"]
            stops = self._spec["stop_at_target"] is not None
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"spec.json does not describe a simulated run: {error!r}") from None
        if dispatch.resume_from is not None:
            raise BadInput("the simulated trainer cannot resume; dispatch.json asks it to")
        self._begun = beginning_of(root, dispatch, self._spec, lambda step, horizon: Schedule(
            self._spec["schedule"], horizon).at(step + 1))
        self._begun_at = 0.0 if self._begun is None else _left_at(self._begun)
        self._fell_back = dispatch.override is not None
        resolved = dispatch.resolved
        self._target: float | None = resolved.get("target_val") if stops else None
        if stops and self._target is None:
            raise BadInput("the spec stops at a target, and dispatch.json resolves none")
        self._teacher_val = 0.0
        if self._kd is not None:
            self._teacher_val = _teacher(root, resolved.get("teacher"))
        self._kd_on = self._kd is not None
        self._progress = 0.0
        self._best = math.inf
        self._hits = 0
        self._broken = False
        self.told_to_stop = False

    def train(self) -> int:
        """Run to the end. Returns the exit code."""
        self._write_environment()
        os.makedirs(self._attempt.file("checkpoints"), exist_ok=True)
        repeated = 0 if self._begun is None else self._begun.steps
        if repeated:
            print(f"resumed after step {repeated}; the lines up to there are the shorter run's", flush=True)
        self._validate(0)
        for step in range(1, self._horizon + 1):
            if step > repeated:
                self._misbehave(step)
                time.sleep(self._sim["real_step_ms"] / 1000.0)
            self._step(step)
            if step == repeated and round(self._progress, 6) != self._begun_at:
                raise BadInput(f"the shorter run came to {self._begun_at} here, and this one to {self._progress:.6f}")
            if self._broken:
                return self._end(step, "nan", EXIT_NAN)
            if (step % self._every == 0 or step == self._horizon) and self._validate(step):
                return self._end(step, "target_confirmed", 0)
            if self.told_to_stop:
                return self._end(step, "stopped", EXIT_STOPPED)
        return self._end(self._horizon, "horizon", 0)

    def _step(self, step: int) -> None:
        multiplier = self._schedule.at(step)
        self._progress += 1.0 + self._sim["boost_gain"] * max(0.0, multiplier - 1.0)
        if self._kd_on:
            self._progress += self._sim["kd_gain"]
        loss = math.nan if self._broken else self._curve() + self._noise("train", step)
        print(f"step:{step}/{self._horizon} train_loss:{loss:.4f} {self._times(step)} "
              f"lr_mult:{multiplier:.4f} kd:{int(self._kd_on)}", flush=True)

    def _validate(self, step: int) -> bool:
        """Print the validation of ``step``; stop KD by its rule; True once the target is confirmed."""
        loss = self._curve() + self._noise("val", step)
        print(f"step:{step}/{self._horizon} val_loss:{loss:.4f} {self._times(step)}", flush=True)
        printed = float(f"{loss:.4f}")
        if printed < self._best and step > 0:
            self._best = printed
            self._save("best", step, printed)
        self._stop_kd(step, printed)
        if self._target is None:
            return False
        self._hits = self._hits + 1 if printed <= self._target else 0
        return self._hits >= 2

    def _stop_kd(self, step: int, loss: float) -> None:
        if self._kd is None or not self._kd_on:
            return
        stop = self._kd["stop"]
        late = 0 < step < self._horizon and step >= stop["max_fraction"] * self._horizon
        margin = stop["sign"] * stop["margin"]
        reached = (stop["mode"] == "val_margin" and step >= stop["min_step"]
                   and loss <= self._teacher_val + margin)
        if reached or late:
            self._kd_on = False
            self._schedule.finish(step)
            print(f"kd_stop step:{step} student_val:{loss:.4f} teacher_val:{self._teacher_val:.4f} "
                  f"margin:{margin:.4f}", flush=True)

    def _end(self, step: int, reason: str, code: int) -> int:
        self._save("last", step, None if self._broken else float(f"{self._curve():.4f}"))
        print("peak memory allocated: 0 MiB reserved: 0 MiB")
        print(f"run_end step:{step} reason:{reason}", flush=True)
        return code

    def _curve(self) -> float:
        s = self._sim
        return float(s["val_floor"] + (s["val_start"] - s["val_floor"]) * math.exp(-self._progress / s["decay_steps"]))

    def _noise(self, kind: str, step: int) -> float:
        # Drawn by name and not in sequence, so that an arm that validates more often sees the same noise.
        return random.Random(f"{self._seed}:{kind}:{step}").gauss(0.0, 1.0) * float(self._sim["noise"])  # noqa: S311

    def _times(self, step: int) -> str:
        total = step * float(self._sim["step_ms"])
        average = total / step if step else 0.0
        shown = f"{total:.0f}" if total.is_integer() else f"{total:.3f}"
        return f"train_time:{shown}ms step_avg:{average:.2f}ms"

    def _save(self, name: str, step: int, loss: float | None) -> None:
        state = {"step": step, "val_loss": loss, "progress": round(self._progress, 6), "seed": self._seed}
        write_atomic(self._attempt.file(f"checkpoints/{name}.bin"), to_bytes(state))

    def _write_environment(self) -> None:
        document = dict.fromkeys(("torch", "numpy", "gpu_model", "driver", "cuda", "corpus_sha256", "parameters",
                                  "attention_backend", "teacher_eval_val"))
        facts = {"contract": CONTRACT, "python": platform.python_version(), "device": "cpu",
                 "precision": self._spec.get("precision"), "threads": 1, "compiled": False,
                 "oom_fallback": self._fell_back}
        write_atomic(self._attempt.file("environment.json"), to_bytes({**document, **facts}))

    # Faults

    def _misbehave(self, step: int) -> None:
        if step != self._sim["fault_step"]:
            return
        match self._sim["fault"]:
            case "exit":
                print("the simulated trainer was told to fail", file=sys.stderr, flush=True)
                raise ToldToFail(int(self._sim["exit_code"]))
            case "ignore_term":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                print("SIGTERM will be ignored", flush=True)
                _wait_for_ever()
            case "hang":
                print("the simulated trainer hangs", flush=True)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                _wait_for_ever()
            case "fork":
                print(f"left child {_leave_child()}", flush=True)
            case "torn_line":
                os.write(1, f"step:{step}/{self._horizon} train_lo".encode())
                os.kill(os.getpid(), signal.SIGKILL)
            case "flood":
                for k in range(FLOOD_BYTES // 128):
                    print(f"{k:08d} {'talk' * 30}")
            case "nan":
                self._broken = True
            case "oom" if not self._fell_back:  # a smaller batch fits
                print("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.21 GiB. GPU 0 has a total "
                      "capacity of 79.11 GiB of which 3.32 GiB is free.", file=sys.stderr, flush=True)
                raise ToldToFail(EXIT_OOM)


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m worker.simulated --root ROOT --run ID --attempt N``. Returns the contract's exit code."""
    parser = argparse.ArgumentParser(prog="python -m worker.simulated", description=__doc__, allow_abbrev=False)
    parser.add_argument("--root", required=True)
    parser.add_argument("--run", required=True, metavar="ID")
    parser.add_argument("--attempt", required=True, type=int, metavar="N")
    asked = parser.parse_args(argv)
    root = Root.at(asked.root)
    code = _train(root, root.attempt(asked.run, asked.attempt))
    print(f"trainer_exit code={code}", flush=True)
    return code


def _train(root: Root, attempt: AttemptDir) -> int:
    try:
        run = Run(root, attempt)
    except (BadInput, ContractError) as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT

    def stop(_number: int, _frame: object) -> None:
        run.told_to_stop = True

    signal.signal(signal.SIGTERM, stop)
    try:
        return run.train()
    except ToldToFail as told:
        return told.code
    except BadInput as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT


def _read(path: str) -> bytes:
    data = read_file(path, _READ_LIMIT)
    if data is None:
        raise BadInput(f"{path} is missing")
    return data


def _teacher(root: Root, resolved: dict[str, Any] | None) -> float:
    """The teacher's validation loss, once its checkpoint was found here and is what was asked for."""
    if resolved is None:
        raise BadInput("the spec distils, and dispatch.json resolves no teacher")
    digest = resolved.get("checkpoint_sha256")
    if digest is not None:
        data = read_file(root.asset(digest), _READ_LIMIT)
        if data is None or sha256_hex(data) != digest:
            raise BadInput(f"the teacher's checkpoint {digest} is not among this host's assets")
        parse_object(data, f"assets/sha256/{digest}")
    return float(resolved["final_val"])


def _left_at(begun: Beginning) -> float:
    """The progress that the shorter run's last checkpoint holds."""
    path = begun.attempt.file("checkpoints/last.bin")
    data = read_file(path, _READ_LIMIT)
    if data is None or sha256_hex(data) != begun.sha256:
        raise BadInput(f"{path} is missing or not the checkpoint {begun.sha256} to continue from")
    return float(parse_object(data, path)["progress"])


def _wait_for_ever() -> None:
    while True:
        signal.pause()


def _leave_child() -> int:
    """A descendant that detached itself and ignores SIGTERM: what a careless data loader leaves behind."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _wait_for_ever()
    finally:
        with contextlib.suppress(BaseException):
            os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
