"""A meeting seen from its processes, which share a store in memory here."""

import threading

import pytest
import torch

from qimlp.distributed import Failures, ProcessLostError
from qimlp.distributed.meeting import Meeting

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="torch was built without torch.distributed"
)


@pytest.fixture
def pair(monkeypatch):
    """Two processes of one machine; the second one is the present process."""
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "GROUP_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    store = torch.distributed.HashStore()
    found = [Meeting(store, rank, 2, 5.0) for rank in (0, 1)]
    monkeypatch.setattr("qimlp.distributed.meeting._met", found[1:])
    return found


def both(pair, call):
    """What a call gives, or raises, in each of the two at the same time."""
    results = [None, None]

    def run(number):
        try:
            results[number] = call(pair[number], number)
        except (ValueError, ProcessLostError) as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_texts_are_given_to_all_again_and_again(pair):
    for text in ("a", "b"):
        found = both(pair, lambda meeting, rank, text=text: meeting.gather(f"{text}{rank}"))
        assert found == [[f"{text}0", f"{text}1"]] * 2


def test_what_differs_is_named_in_both(pair):
    facts = [{"lr": "1", "depth": "2", "data": "x"}, {"lr": "1", "depth": "3", "data": "y"}]
    errors = both(pair, lambda meeting, rank: meeting.require_same(facts[rank]))
    assert str(errors[0]) == str(errors[1])
    assert " has another depth, data than process 0 on " in str(errors[0])
    assert both(pair, lambda meeting, _: meeting.require_same(facts[0])) == [None, None]


def test_who_does_not_come_is_named(pair):
    pair[1].seconds = 0.2
    with pytest.raises(ProcessLostError, match="no answer from process 0 of 2 within 0.2 s"):
        pair[1].gather("a")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("lr:\n too large"), "lr: too large"),
        (PermissionError(13, "Permission denied", "/data"), "/data: Permission denied"),
        (KeyboardInterrupt(), "it was interrupted"),
    ],
)
def test_a_failure_is_told_to_who_waits(error, reason, pair):
    with pytest.raises(type(error)), Failures():
        raise error
    with pytest.raises(ProcessLostError) as told:
        pair[0].gather("a")
    assert str(told.value).endswith(f" failed: {reason}")
    assert "process 1 on " in str(told.value)
    assert told.value.told  # on the same machine


def test_the_first_failure_counts(pair):
    for meeting, reason in zip(pair, ("first", "second"), strict=True):
        meeting.note_failure(reason)
    assert str(pair[1].failure()).endswith("failed: first")


def test_an_exchange_that_breaks_off_names_the_other(pair, monkeypatch):
    monkeypatch.setattr("qimlp.distributed.meeting._LINGER_SECONDS", 0.2)
    with (
        pytest.raises(ProcessLostError, match="^process 0 of 2 has ended or does .*; wait$"),
        Failures(lambda: "wait"),
    ):
        raise RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer")


def test_other_errors_of_torch_stay_what_they_are(pair):
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), Failures():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    assert "shapes cannot be multiplied" in str(pair[0].failure())


def test_a_line_is_said_once_on_a_machine(pair, monkeypatch):
    assert [meeting.is_first_to_say("line") for meeting in pair] == [True, False]
    monkeypatch.setenv("GROUP_RANK", "1")
    assert pair[1].is_first_to_say("line")
