"""Who runs which trial."""

import os
import time
from pathlib import Path
from threading import Thread

import optuna
import pytest
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import TrialState

from benchmarks.sweeps.workers import Job, kill, start
from qimlp.sweeps.storage import Claim, Claims, Storage, open_storage, open_study
from qimlp.sweeps.storage import ledger as ledger_module
from qimlp.sweeps.storage.process import known_dead, this_process


def sampler(number: int) -> BaseSampler:
    return RandomSampler(seed=number)


def study_in(storage: Storage) -> optuna.Study:
    return open_study(storage, "s", directions=["minimize"], about={"format": 1})


def worker(where: str, **times: float) -> Claims:
    storage = open_storage(where)
    return Claims(storage, study_in(storage), **times)


def ask(claims: Claims, limit: int = 3) -> Claim:
    claim = claims.ask(limit, sampler)
    assert claim is not None
    return claim


def now_or_not(claims: Claims, limit: int) -> Claim | None:
    """Ask once, without waiting for others."""
    asked = iter([False, True])
    return claims.ask(limit, sampler, should_stop=lambda: next(asked))


def test_trials_have_the_numbers_below_the_limit(where: str) -> None:
    claims = worker(where)
    for number in range(3):
        with ask(claims) as claim:
            assert claim.trial.number == number
            assert claim.tell([float(number)], attributes={"epochs": 2})
    assert claims.ask(3, sampler) is None
    trials = study_in(open_storage(where)).get_trials()
    assert [(t.number, t.state, t.values) for t in trials] == [
        (number, TrialState.COMPLETE, [float(number)]) for number in range(3)
    ]
    assert trials[0].user_attrs == {"epochs": 2}
    with ask(claims, 4) as claim:  # more are wanted
        assert claim.trial.number == 3


def test_a_trial_that_was_left_is_taken_up_with_its_parameters(where: str) -> None:
    first, second = worker(where), worker(where)
    with ask(first) as claim:
        x = claim.trial.suggest_float("x", 0, 1)
        claim.trial.report(0.5, 0)
    again = ask(second)
    assert again.trial.number == 0
    assert again.trial.suggest_float("x", 0, 1) == x
    assert study_in(open_storage(where)).trials[0].intermediate_values == {0: 0.5}


def test_a_trial_left_by_an_exception_is_free_at_once(where: str) -> None:
    claims = worker(where)
    with pytest.raises(KeyboardInterrupt), ask(claims):
        raise KeyboardInterrupt
    assert ask(claims).trial.number == 0


def test_a_living_worker_keeps_its_trial(where: str) -> None:
    first, second = worker(where, beat_s=0.1), worker(where, beat_s=0.1, grace_s=0.5)
    with ask(first, 1) as claim:
        over = time.monotonic() + 1.5
        while time.monotonic() < over:
            assert now_or_not(second, 1) is None
            time.sleep(0.05)
        assert claim.held
        assert claim.tell([1.0])
    assert second.ask(1, sampler) is None


def test_a_silent_worker_loses_its_trial_and_cannot_finish_it(where: str) -> None:
    first, second = worker(where), worker(where, grace_s=0.3)
    lost = ask(first, 1)  # no context: no beats
    taken = ask(second, 1)
    assert taken.trial.number == 0
    assert not lost.tell([1.0], attributes={"by": "first"})
    assert not lost.held
    assert taken.tell([2.0])
    (trial,) = study_in(open_storage(where)).trials
    assert (trial.values, trial.user_attrs) == ([2.0], {})


def test_a_worker_learns_by_its_next_beat_that_it_lost_its_trial(where: str) -> None:
    first, second = worker(where, beat_s=0.6), worker(where, grace_s=0.2)
    with ask(first, 1) as lost:
        ask(second, 1)
        over = time.monotonic() + 20
        while lost.held:
            assert time.monotonic() < over
            time.sleep(0.02)
    assert now_or_not(first, 1) is None  # leaving it did not give it back


def test_a_killed_worker_of_this_machine_loses_its_trial_at_once(
    where: str, tmp_path: Path
) -> None:
    process = start(Job(where, 1, "random", tmp_path / "told.txt", seconds=1000))
    while not _running(where):
        time.sleep(0.05)
    kill(process)
    storage = open_storage(where)
    claims = Claims(storage, optuna.load_study(study_name="cheap", storage=storage.optuna))
    assert now_or_not(claims, 1) is not None


def _running(where: str) -> bool:
    storage = open_storage(where)
    if "cheap" not in optuna.get_all_study_names(storage.optuna):
        return False
    return bool(optuna.load_study(study_name="cheap", storage=storage.optuna).get_trials())


def test_one_that_did_not_look_gives_the_others_time(where: str) -> None:
    first, second = worker(where), worker(where, beat_s=0.2, grace_s=0.5)
    held = ask(first, 1)
    assert now_or_not(second, 1) is None
    time.sleep(0.8)  # longer than the grace period, but nobody watched
    assert now_or_not(second, 1) is None
    assert held.tell([1.0])


def test_enqueued_trials_come_first(where: str) -> None:
    storage = open_storage(where)
    study_in(storage).enqueue_trial({"x": 0.25})
    claims = worker(where)
    with ask(claims) as claim:
        assert claim.trial.number == 0
        assert claim.trial.suggest_float("x", 0, 1) == 0.25
        claim.tell(state=TrialState.PRUNED)
    assert ask(claims).trial.number == 1


def test_an_answer_that_was_lost_gives_no_number_too_many(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = worker(where)
    optuna_storage = claims._ledger._optuna
    make = type(optuna_storage).create_new_trial
    monkeypatch.setattr(
        type(optuna_storage),
        "create_new_trial",
        lambda *args: [make(*args), make(*args)][1],  # as if tried again after the first was made
    )
    with ask(claims, 1) as claim:
        monkeypatch.undo()
        assert claim.trial.number == 0
        claim.tell([1.0])
    assert claims.ask(1, sampler) is None
    with ask(claims, 2) as claim:
        assert claim.trial.number == 1


def test_a_lost_lock_means_that_the_decision_is_taken_again(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = worker(where)
    storage = claims._storage
    lost = [True, False, True, False]

    class Losing:
        def __enter__(self) -> None:
            self.inner = storage.exclusive()
            self.inner.__enter__()

        def __exit__(self, *error: object) -> None:
            self.inner.__exit__(*error)
            if lost.pop(0):
                raise ledger_module.LockLostError("lost")

    claims._ledger._storage = Storage(storage.shown, storage.optuna, Losing)
    claim = ask(claims, 2)
    assert claim.trial.number == 0
    assert claim.tell([1.0])
    assert [t.state for t in study_in(storage).trials] == [TrialState.COMPLETE]


def test_threads_of_one_process(where: str) -> None:
    claims = [worker(where) for _ in range(3)]
    numbers: list[int] = []

    def work(mine: Claims) -> None:
        while claim := mine.ask(12, sampler):
            with claim:
                if claim.tell([1.0]):
                    numbers.append(claim.trial.number)

    threads = [Thread(target=work, args=(mine,)) for mine in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(numbers) == list(range(12))


def test_only_a_process_seen_from_here_is_known_to_be_dead() -> None:
    me = this_process()
    assert not known_dead(me)
    assert known_dead({**me, "start": "1"})  # its number was given to another process
    assert not known_dead({**me, "start": "1", "system": "another"})
    assert not known_dead({**me, "start": "1", "system": ""})
    assert not known_dead({})
    child = os.fork()
    if child == 0:
        os._exit(0)
    time.sleep(0.1)
    assert known_dead({**me, "pid": child, "start": "1"})  # ended, and nobody has waited for it
    os.waitpid(child, 0)
