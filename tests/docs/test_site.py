"""The documentation site builds without a warning, is whole and loads nothing from elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import ROOT

pytest.importorskip("mkdocs", reason='the site needs pip install -e ".[docs]"')

LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
    "embed": "src",
    "use": "href",
}
"""Elements that load something by themselves, and the attribute that says what."""


class Page(HTMLParser):
    """What one page loads, where it leads, and the names of its places."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        own = {name: value or "" for name, value in attrs}
        self.places |= {own[name] for name in ("id", "name") if own.get(name)}
        if tag in LOADED and LOADED[tag] in own:
            self.loads.append(own[LOADED[tag]])
        if tag == "link" and own.get("rel") not in {"canonical", "next", "prev"}:
            self.loads.append(own["href"])
        if "srcset" in own:
            self.loads += [part.split()[0] for part in own["srcset"].split(",")]
        if tag == "a" and "href" in own:
            self.links.append(own["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site") / "site"
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr, built.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site): Page(path) for path in site.rglob("*.html")}


def test_every_page_is_in_the_navigation(pages):
    linked = {
        Path(os.path.normpath(urlsplit(link).path)) for link in pages[Path("index.html")].links
    }
    assert len(pages) >= 15
    assert set(pages) - linked <= {Path("404.html")}


def test_nothing_is_loaded_from_elsewhere(site, pages):
    for path, page in pages.items():
        for load in page.loads:
            assert load.startswith("data:") or not urlsplit(load).netloc, (path, load)
        # Drawn by a library that the theme would fetch.
        assert 'class="mermaid"' not in page.text, path
        assert "@import" not in page.text, path
    assert sum(len(page.loads) for page in pages.values()) > 50
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        loads = re.findall(r"url\(\s*[\"']?(?!data:)([^)\"']+)", sheet.read_text(encoding="utf-8"))
        assert not [load for load in loads if urlsplit(load).netloc], sheet


def test_links_within_the_site_lead_somewhere(site, pages):
    found = 0
    for path, page in pages.items():
        if path.name == "404.html":  # its links begin at the site's root
            continue
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            name = os.path.normpath(path.parent / unquote(parts.path)) if parts.path else path
            target = Path(name)
            if (site / target).is_dir():
                target /= "index.html"
            assert (site / target).is_file(), (path, link)
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].places, (path, link)
            found += 1
    assert found >= 500


def test_the_search_knows_the_pages(site):
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    assert "KroneckerLinear" in index
    assert "command-line.html#" in index


def test_the_search_works_on_pages_that_are_opened_as_files(site):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("needs chromium")
    page = (site / "how-to" / "table.html").as_uri()
    profile = site.parent / "profile"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    shown = subprocess.run(
        [*command, "--virtual-time-budget=10000", "--dump-dom", f"{page}?q=KroneckerLinear"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert re.search(r"\d+ matching documents", shown.stdout)
    assert "reference/layers.html?h=kroneckerlinear" in shown.stdout


def test_the_pages_say_what_they_are(pages):
    front = pages[Path("index.html")].text
    assert re.search(r"<title>qimlp: [^<]+</title>|<title>[^<]+ - qimlp</title>", front)
    assert re.search(r'<link rel="icon" href="[^"]+\.svg"', front)
    described = {}
    for path, page in pages.items():
        if path.name in {"404.html", "report.html"}:
            continue
        found = re.findall(
            r'<meta (?:name|property)="(?:og:)?description" content="([^"]*)"', page.text
        )
        assert len(found) == 2, path
        assert found[0] == found[1], path
        assert 40 < len(found[0]) < 260, (path, found)
        described[path] = found[0]
    assert len(set(described.values())) == len(described)
