"""Where a storage is, and what is shown of it."""

from pathlib import Path

import pytest

from qimlp.sweeps.storage import place_of


@pytest.mark.parametrize(
    ("where", "kind", "shown"),
    [
        ("runs/sweep.db", "sqlite", "runs/sweep.db"),
        ("sqlite:///runs/sweep.db", "sqlite", "runs/sweep.db"),
        ("sqlite:////runs/sweep", "sqlite", "/runs/sweep"),
        (Path("/share/sweep.journal"), "journal", "/share/sweep.journal"),
        ("sweep.LOG", "journal", "sweep.LOG"),
        ("postgresql://ann:secret@db:5433/x", "postgresql", "postgresql://ann@db:5433/x"),
        ("postgres://ann@db/x", "postgresql", "postgresql://ann@db/x"),
        ("postgresql+psycopg://db/x", "postgresql", "postgresql://db/x"),
        (
            "postgresql://ann@/x?host=/run/pg&password=secret&sslpassword=secret",
            "postgresql",
            "postgresql://ann@/x?host=%2Frun%2Fpg",
        ),
    ],
)
def test_a_place_is_shown_without_its_password(where: str | Path, kind: str, shown: str) -> None:
    place = place_of(where)
    assert (place.kind, place.shown) == (kind, shown)
    assert "secret" not in repr(place)
    assert place_of(place.shown if kind == "postgresql" else where).kind == kind


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("sweep.txt", r"storage: expected a file ending in \.db .* got 'sweep.txt'"),
        ("sqlite:///:memory:", "expected sqlite:///FILE"),
        ("mysql://ann:secret@db/x", r"got mysql://\.\.\.$"),
        ("postgresql://ann:sec@secret@db/x", "written as %40"),
        ("postgresql://ann:secret@db:port/x", "written as %40"),
        ("postgresql://ann:secret@db", "expected postgresql://USER@HOST:PORT/DATABASE"),
    ],
)
def test_what_is_no_place_is_refused_and_no_password_shown(where: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refusal:
        place_of(where)
    assert "secret" not in str(refusal.value)
