"""A lock that is a file, for folders which several machines share."""

import json
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Lock
from uuid import uuid4

from qimlp.files import parse_json, printable
from qimlp.sweeps.storage.errors import LockLostError
from qimlp.sweeps.storage.process import known_dead, this_process
from qimlp.sweeps.storage.watch import Watch

_SHORTEST_S, _LONGEST_S = 0.0005, 0.05


class LockFile:
    """Held by whoever has made the file.

    Making a file that must not exist yet is the one operation that every network file system
    grants to one process alone. A lock whose process is known to be dead is broken at once, any
    other that stays the same for a grace period. To be held for milliseconds.

    Args:
        path: The file that is made.
        grace_s: Seconds after which a lock of another machine is taken for left behind.
        patience_s: The most seconds to wait.
    """

    def __init__(self, path: Path, *, grace_s: float = 30.0, patience_s: float = 120.0) -> None:
        self._path = path
        self._grace_s = grace_s
        self._patience_s = patience_s
        self._here = Lock()  # between the threads of this process
        self._name = uuid4().hex
        self._count = count()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            OSError: If the file cannot be made, or others hold the lock for too long.
            LockLostError: At the end, if another process has broken the lock meanwhile.
        """
        with self._here:
            mine = self._acquire()
            try:
                yield
            except BaseException:
                self._release(mine)
                raise
            if not self._release(mine):
                raise LockLostError(f"{self._shown()} was broken by another process")

    def _acquire(self) -> bytes:
        holder = {"lock": f"{self._name}-{next(self._count)}", **this_process()}
        mine = json.dumps(holder).encode()
        # Those that wait for the same lock do not all break it in the same moment.
        watch = Watch(self._grace_s * random.uniform(1.0, 1.2))  # noqa: S311 - not a secret
        begun, pause = time.monotonic(), _SHORTEST_S
        while not self._make(mine):
            content = self._content()
            if content is None:
                continue
            if watch.is_over(content) or _left_behind(content):
                self._break(content)
                continue
            if time.monotonic() - begun > self._patience_s:
                raise TimeoutError(
                    f"{self._shown()}: others have held this lock for {self._patience_s:.0f} s; "
                    "try again, or delete the file if nothing else uses the storage"
                )
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret
            pause = min(2 * pause, _LONGEST_S)
        return mine

    def _make(self, mine: bytes) -> bool:
        try:
            file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        except OSError as error:
            raise type(error)(
                f"{self._shown()} cannot be made ({error.strerror}): the folder of a storage "
                "must be one that can be written to"
            ) from None
        try:
            os.write(file, mine)
        except OSError as error:
            self._path.unlink(missing_ok=True)
            raise OSError(f"{self._shown()} cannot be written ({error.strerror})") from None
        finally:
            os.close(file)
        return True

    def _content(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except OSError:  # released meanwhile
            return None

    def _break(self, judged: bytes) -> None:
        """Remove a lock that was left behind, and no other one."""
        aside = self._path.with_name(f"{self._path.name}.{uuid4().hex}")
        with suppress(OSError):  # another process was faster
            self._path.rename(aside)
            if aside.read_bytes() != judged:  # made meanwhile, after another process broke it
                os.link(aside, self._path)
        aside.unlink(missing_ok=True)

    def _release(self, mine: bytes) -> bool:
        if self._content() != mine:
            return False
        self._path.unlink(missing_ok=True)
        return True

    def _shown(self) -> str:
        return printable(str(self._path))


def _left_behind(content: bytes) -> bool:
    try:
        holder = parse_json(content, source="lock", what="the process that holds it")
    except ValueError:  # not written yet, or never
        return False
    return isinstance(holder, dict) and known_dead(holder)
