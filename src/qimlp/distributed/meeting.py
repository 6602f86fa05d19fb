"""How the processes of one job find each other, and tell each other why they end.

They meet in a store of torch's that one of them holds (torchrun's agent, where there is one). It is
asked by short questions instead of one long wait, so that Ctrl-C and SIGTERM are heard, what is
missing can be named, and a process that has failed is noticed by those that wait for it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from qimlp.distributed.launcher import checked_place, hosts_meeting, machine
from qimlp.distributed.store import open_store
from qimlp.files import printable

_PAUSE_SECONDS = 0.05
_LINGER_SECONDS = 5.0
_MOST_NAMED = 8
_LONGEST_LINE = 400


class ProcessLostError(ConnectionError):
    """Another process of the job has failed, has ended, or does not answer.

    Attributes:
        told: Whether a process of this machine has said why already.
    """

    def __init__(self, message: str, *, told: bool = False) -> None:
        super().__init__(message)
        self.told = told


class Meeting:
    """The processes of a job, met in a store.

    Args:
        store: Of torch's.
        rank: Index of this process.
        size: Number of processes.
        seconds: How long to wait for others.
    """

    def __init__(self, store: Any, rank: int, size: int, seconds: float) -> None:
        self.store, self.rank, self.size, self.seconds = store, rank, size, seconds
        self._holds_store = hosts_meeting()
        self._exchanges = 0

    def gather(self, text: str) -> list[str]:
        """Give every process a text of each.

        Args:
            text: Of this process.

        Returns:
            One for each process, in order.

        Raises:
            ProcessLostError: If another process has failed, or does not come in time.
        """
        self._exchanges += 1
        name = f"exchange/{self._exchanges}"
        self.store.set(f"{name}/{self.rank}", text)
        self.wait_for_all(name, self._too_late)
        return [self.store.get(f"{name}/{rank}").decode() for rank in range(self.size)]

    def require_same(self, facts: Mapping[str, str]) -> None:
        """Refuse processes that are told different things.

        Args:
            facts: What must be the same everywhere, by name.

        Raises:
            ValueError: In every process, if one differs from process 0.
            ProcessLostError: If another process has failed, or does not come in time.
        """
        own = json.dumps([machine().partition(":")[0], *map(_digest, facts.values())])
        others = [json.loads(text) for text in self.gather(own)]
        for rank, (host, *values) in enumerate(others):
            first = others[0][1:]
            differing = [n for n, a, b in zip(facts, first, values, strict=True) if a != b]
            if differing:
                names = ", ".join(differing[:_MOST_NAMED])
                more = ", ..." if len(differing) > _MOST_NAMED else ""
                raise ValueError(
                    f"process {rank} on {host} has another {names}{more} than process 0 on "
                    f"{others[0][0]}; give every process the same command, data and versions"
                )

    def note_failure(self, reason: str) -> None:
        """Tell the others why this process ends; the first reason counts.

        Args:
            reason: One line.
        """
        note = {"rank": self.rank, "machine": machine(), "reason": reason}
        with suppress(RuntimeError):
            self.store.compare_set("failed", "", json.dumps(note))
            if self._holds_store:
                self._linger()

    def failure(self) -> ProcessLostError | None:
        """What another process has noted.

        Returns:
            The error to end this process with; None where nothing is noted.
        """
        with suppress(RuntimeError):
            if self.store.check(["failed"]):
                note = json.loads(self.store.get("failed").decode())
                self.store.add("heard", 1)
                host = note["machine"].partition(":")[0]
                return ProcessLostError(
                    f"process {note['rank']} on {printable(host, 60)} failed: "
                    f"{printable(note['reason'], _LONGEST_LINE)}",
                    told=note["machine"] == machine(),
                )
        return None

    def loss(self) -> ProcessLostError:
        """Find out which process an exchange broke off with.

        Returns:
            The error to end this process with.
        """
        lost = [0]  # without whom the others cannot ask
        with suppress(RuntimeError, KeyboardInterrupt):  # a launcher ends the others by SIGTERM
            self.store.set(f"left/{self.rank}", "")
            end = time.monotonic() + _LINGER_SECONDS
            while time.monotonic() < end:
                failure = self.failure()
                if failure is not None:
                    return failure
                lost = self._without("left")
                if len(lost) <= 1:
                    break
                time.sleep(_PAUSE_SECONDS)
        who = _named(lost) if lost else "a process"
        has = "have" if len(lost) > 1 else "has"
        return ProcessLostError(f"{who} of {self.size} {has} ended or does not answer")

    def is_first_to_say(self, line: str) -> bool:
        """Whether no process of this machine has said a line yet.

        Args:
            line: Of an error.

        Returns:
            True for the first that asks, and where it cannot be known.
        """
        with suppress(RuntimeError):
            return int(self.store.add(f"said/{machine()}/{_digest(line)}", 1)) == 1
        return True

    def wait_for_all(self, name: str, too_late: Callable[[list[int]], ProcessLostError]) -> None:
        """Wait until every process has set `name/<rank>`.

        Args:
            name: First part of the keys.
            too_late: Makes the error of the processes that did not in time.

        Raises:
            ProcessLostError: If another process has failed, or does not come in time.
        """
        end = time.monotonic() + self.seconds
        try:
            while missing := self._without(name):
                failure = self.failure()
                if failure is not None:
                    raise failure
                if time.monotonic() > end:
                    raise too_late(missing)
                time.sleep(_PAUSE_SECONDS)
        except RuntimeError as error:  # the store is gone
            raise self.failure() or ProcessLostError(
                "process 0, at which the others meet, has ended; see what it says"
            ) from error

    def _without(self, name: str) -> list[int]:
        """The processes that have not set `name/<rank>`."""
        return [r for r in range(self.size) if not self.store.check([f"{name}/{r}"])]

    def _too_late(self, missing: list[int]) -> ProcessLostError:
        return ProcessLostError(
            f"no answer from {_named(missing)} of {self.size} within {self.seconds:g} s; see what "
            "became of it, or allow more by --process-timeout"
        )

    def _linger(self) -> None:
        """Keep the store a moment, so that the others can read the note."""
        end = time.monotonic() + _LINGER_SECONDS
        while time.monotonic() < end and self.store.add("heard", 0) < self.size - 1:
            time.sleep(_PAUSE_SECONDS)


_met: list[Meeting] = []


def current_meeting() -> Meeting | None:
    """The meeting of this process; None where it met nobody."""
    return _met[0] if _met else None


def meet(seconds: float) -> Meeting:
    """Find the other processes that a launcher started.

    Args:
        seconds: How long to wait for them.

    Returns:
        The meeting, with every process there.

    Raises:
        ValueError: If the launcher's numbers do not fit.
        OSError: If the place to meet cannot be opened, or does not answer.
        ProcessLostError: If a process does not come in time.
    """
    rank, size = checked_place()
    store = open_store(seconds)
    meeting = Meeting(store, rank, size, seconds)
    _met[:] = [meeting]  # so that the others hear of what follows
    if store.add(f"taken/{rank}", 1) > 1:
        raise ValueError(
            f"two processes have rank {rank}: give every machine of the job its own --node_rank"
        )
    store.set(f"here/{rank}", machine())
    meeting.wait_for_all("here", lambda missing: _not_come(missing, size, seconds))
    return meeting


def _not_come(missing: list[int], size: int, seconds: float) -> ProcessLostError:
    return ProcessLostError(
        f"{size} processes were asked for, but {_named(missing)} did not come within {seconds:g} "
        "s; start it on its machine, or ask for fewer"
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _named(ranks: list[int]) -> str:
    names = ", ".join(map(str, ranks[:_MOST_NAMED])) + (", ..." if len(ranks) > _MOST_NAMED else "")
    return f"process {names}" if len(ranks) == 1 else f"processes {names}"
