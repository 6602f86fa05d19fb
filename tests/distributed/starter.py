"""Starts many processes of one command quickly: torch is loaded once, then forked.

It takes requests, a line of JSON each, and answers with one line:

    {"argv": [...], "envs": [{...}, ...], "out": "prefix"}  ->  {"pids": [...]}
    {"wait": 30}                                             ->  {"codes": [...]}

Process i runs `qimlp` with `argv` (one list for all, or one for each); `["call", "module:function",
...]` calls a function with the rest instead. It has an environment of its own and writes to
`<out>.<i>.out` and `.err`. One that has not ended in time is killed and has the code null.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import signal
import sys
import time
from typing import Any

import accelerate
import torch
from torch.nn.parallel import DistributedDataParallel
from torch.utils import tensorboard

import qimlp.cli.app
from qimlp.cli import main
from qimlp.training.comparison import plots

LOADED = (accelerate, qimlp.cli.app, plots, tensorboard, DistributedDataParallel)


def start(request: dict[str, Any]) -> list[int]:
    pids = []
    for i, env in enumerate(request["envs"]):
        own = request["argv"]
        argv = own[i] if isinstance(own[0], list) else own
        pid = os.fork()
        if pid == 0:
            for name, number in (("out", 1), ("err", 2)):
                file = os.open(
                    f"{request['out']}.{i}.{name}", os.O_CREAT | os.O_TRUNC | os.O_WRONLY
                )
                os.dup2(file, number)
            os.environ.update(env)
            if "DUMP_AFTER" in env:
                faulthandler.dump_traceback_later(float(env["DUMP_AFTER"]))
            os.chdir(request.get("cwd", "."))
            if argv[0] == "call":
                module, _, function = argv[1].partition(":")
                getattr(importlib.import_module(module), function)(*argv[2:])
                sys.exit(0)
            sys.argv = ["qimlp", *argv]
            main()
        pids.append(pid)
    return pids


def wait(pids: list[int], seconds: float) -> list[int | None]:
    codes: dict[int, int | None] = {}
    end = time.monotonic() + seconds
    while len(codes) < len(pids):
        for pid in pids:
            if pid not in codes:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    codes[pid] = os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            for pid in pids:
                if pid not in codes:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    codes[pid] = None
        time.sleep(0.02)
    return [codes[pid] for pid in pids]


if __name__ == "__main__":
    torch.set_num_threads(1)
    started: list[int] = []
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer: dict[str, Any] = {"codes": wait(started, request["wait"])}
        else:
            started = start(request)
            answer = {"pids": started}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
