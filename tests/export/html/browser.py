"""A headless Chromium that is told what to do by its debugging protocol, over two pipes."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_LAUNCH = """
import os, sys
reading, writing = os.dup(int(sys.argv[1])), os.dup(int(sys.argv[2]))
os.dup2(reading, 3); os.dup2(writing, 4)
os.set_inheritable(3, True); os.set_inheritable(4, True)
os.execvp(sys.argv[3], sys.argv[3:])
"""
_ERRORS = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")


def chromium():
    """The path of a browser, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One page of a browser.

    Attributes:
        errors: What the console said: errors of scripts, and what the policy refused.
    """

    def __init__(self, reading, writing):
        self._answers = reading
        self._orders = writing
        self._number = 0
        self._session = None
        self.errors = []
        self._loaded = False
        target = self.order("Target.createTarget", url="about:blank")["targetId"]
        attached = self.order("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.order(f"{domain}.enable")

    def close(self):
        self._session = None
        with suppress(BrokenPipeError, EOFError):
            self.order("Browser.close")

    def order(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._orders.write(json.dumps(message).encode() + b"\0")
        self._orders.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _next(self):
        message = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            if not byte:
                raise EOFError("the browser has ended")
            message += byte
        answer = json.loads(message)
        if answer.get("method") in _ERRORS:
            self.errors.append(json.dumps(answer["params"])[:500])
        self._loaded |= answer.get("method") == "Page.loadEventFired"
        return answer

    def open(self, path, *, width=1200, height=900, dark=False, scale=1):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.order("Emulation.setEmulatedMedia", features=[scheme])
        self.order(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        self._loaded = False
        self.order("Page.navigate", url=path.resolve().as_uri())
        while not self._loaded:
            self._next()
        self.settle()

    def evaluate(self, expression):
        """The value of a script in the page; a promise is waited for."""
        found = self.order(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"])[:500])
        return found["result"].get("value")

    def settle(self):
        """Wait for two frames, so that what is to be drawn is drawn."""
        frame = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.evaluate(f"{frame}.then(() => 1)")

    def draw(self, selector, points):
        """Drag the mouse along points, given as parts of an element's width and height."""
        box = self.evaluate(
            f"(({{left, top, width, height}}) => [left, top, width, height])"
            f"(document.querySelector({selector!r}).getBoundingClientRect())"
        )
        places = [(box[0] + x * box[2], box[1] + y * box[3]) for x, y in points]
        for kind, (x, y) in [
            ("mousePressed", places[0]),
            *[("mouseMoved", place) for place in places[1:]],
            ("mouseReleased", places[-1]),
        ]:
            self.order(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1,
                clickCount=1,
            )  # fmt: skip
        self.settle()

    def photograph(self, path, *, whole=True):
        found = self.order("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browsing(folder) -> Iterator[Browser]:
    """A browser whose files lie in a folder of its own."""
    orders_read, orders = os.pipe()
    answers, answers_write = os.pipe()
    options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", f"--user-data-dir={folder}", "--remote-debugging-pipe",
    ]  # fmt: skip
    command = [sys.executable, "-c", _LAUNCH, str(orders_read), str(answers_write)]
    process = subprocess.Popen(
        [*command, chromium(), *options],
        pass_fds=(orders_read, answers_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(orders_read)
    os.close(answers_write)
    try:
        with os.fdopen(answers, "rb") as reading, os.fdopen(orders, "wb") as writing:
            browser = Browser(reading, writing)
            yield browser
            browser.close()
    finally:
        try:
            process.wait(20)  # it ends where its pipes do
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
