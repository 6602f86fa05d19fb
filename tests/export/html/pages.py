"""Pages run without a browser: node evaluates the part that is the network."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

_RUN = """
const fs = require("fs");
const {script, page, rows} = JSON.parse(fs.readFileSync(0, "utf8"));
const predict = (0, eval)(script + ";makePredict")(page);
const asked = rows.map(row => row.map(v => v === null ? NaN : v));
process.stdout.write(JSON.stringify(asked.map(row => [...predict(row)])));
"""


class _Scripts(HTMLParser):
    """Collects what stands in the page's scripts, as a browser would find them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=False)
        self.found = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._inside = tag == "script"
        if self._inside:
            self.found.append("")

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.found[-1] += data


def read(folder):
    """The data of the one page in a folder, and its scripts."""
    (path,) = folder.iterdir()
    text = path.read_text(encoding="utf-8")
    data, network, interface = _Scripts(text).found
    return json.loads(data), network, interface


def policy(folder):
    (path,) = folder.iterdir()
    text = path.read_text(encoding="utf-8")
    return re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]


def answers(folder, rows):
    """What the page's JavaScript answers to raw rows, run by node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    page, network, _ = read(folder)
    listed = [[None if np.isnan(v) else v for v in row] for row in np.asarray(rows, float).tolist()]
    task = json.dumps({"script": network, "page": page, "rows": listed})
    done = subprocess.run(
        [node, "-e", _RUN], input=task, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return np.array(json.loads(done.stdout))
