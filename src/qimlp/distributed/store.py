"""The store of torch's that the processes of one job meet in."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Thread
from typing import Any

from qimlp.distributed.launcher import hosts_meeting, meeting_point
from qimlp.files import printable


def open_store(seconds: float) -> Any:
    """Open the store at the address that the launcher gave; the process that holds it makes it.

    Args:
        seconds: How long to wait for it.

    Returns:
        A store of torch's.

    Raises:
        ValueError: If the launcher's address is none.
        OSError: If it cannot be opened, or does not answer.
    """
    from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]  # noqa: PLC0415

    host, port = meeting_point()
    if hosts_meeting():
        _require_free(port)
    else:
        _reach(host, port, seconds)

    def make() -> Any:
        return TCPStore(
            host,
            port,
            is_master=hosts_meeting(),
            timeout=timedelta(seconds=seconds),
            wait_for_workers=False,
        )

    store = _within(seconds, make)
    if store is None:
        raise ConnectionError(
            f"what answers at {printable(host, 80)}:{port} is not the place where these processes "
            "meet; choose another --master_port, the same on every machine"
        )
    return PrefixStore(f"qimlp/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _within(seconds: float, make: Callable[[], Any]) -> Any:
    """What a call gives that may never end; None where it fails or takes too long."""
    made: list[Any] = []

    def run() -> None:
        with suppress(RuntimeError):
            made.append(make())

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return made[0] if made else None


def _require_free(port: int) -> None:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("", port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = "is in use on this machine; choose another one, the same in every process"
        else:
            reason = f"cannot be opened ({error.strerror}); choose another one"
        raise OSError(f"MASTER_PORT {port}: it {reason}") from None


def _reach(host: str, port: int, seconds: float) -> None:
    """Wait until something answers at the address; other processes may start later."""
    end = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((host, port), timeout=min(5.0, seconds)):
                return
        except socket.gaierror:
            raise ConnectionError(
                f"MASTER_ADDR {printable(host, 80)}: no machine is known by this name; give the "
                "address of the machine of process 0"
            ) from None
        except OSError as error:
            if time.monotonic() > end:
                reason = error.strerror or "no answer"
                raise ConnectionError(
                    f"process 0 cannot be reached at {printable(host, 80)}:{port} within "
                    f"{seconds:g} s ({reason}); see that it runs, that the address is its "
                    "machine's, and that no firewall is between"
                ) from None
        time.sleep(0.2)
