"""The end of a run: the test set, read once, and the result."""

from __future__ import annotations

from statistics import median

from qimlp.files import write_json, write_text
from qimlp.predictor import count_dense_parameters, count_parameters
from qimlp.settings import TrainSettings
from qimlp.tasks import Evaluation
from qimlp.training.comparison.model_card import model_card
from qimlp.training.engine.memory import training_memory
from qimlp.training.engine.trainer import Trainer
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.runs.folder import RunFolder, versions
from qimlp.training.runs.result import RunResult
from qimlp.training.steps.step import for_members


def finish(
    trainer: Trainer,
    data: TrainingData,
    settings: TrainSettings,
    folder: RunFolder,
    sizes: list[tuple[int, ...]],
) -> RunResult:
    """Read the test set, once, with the best weights; write the result.

    Args:
        trainer: All its epochs are done; its network takes the best weights.
        data: Of the run.
        settings: Of the run.
        folder: Of the run; the main process writes there.
        sizes: Of the network's layers.

    Returns:
        The result, already on disk.

    Raises:
        OSError: If something cannot be written.
    """
    state, is_main = trainer.state, trainer.state.processes.is_main
    memory = _memory(trainer, data)
    state.use_best()
    if is_main:  # once more: a resumed run may have lost it
        state.evaluated.save_pretrained(folder.best)
    test = trainer.evaluate(data.test_batches(state.processes))
    best = [epoch for epoch in state.progress.epochs if epoch.best][-1]
    metric = data.task.main_metric.name
    result = RunResult(
        data=settings.data_name,
        label=settings.label,
        kind=settings.kind,
        seed=settings.compute.seed,
        dims=[list(layer) for layer in sizes],
        task=data.task.kind,
        best_epoch=best.epoch,
        dev=best.dev,
        test=test.metrics,
        parameters=count_parameters(state.network),
        dense_parameters=count_dense_parameters(sizes),
        seconds_per_step=median(state.progress.window_seconds),
        memory=memory,
        dev_curve=[epoch.dev[metric] for epoch in state.progress.epochs],
        folder=str(folder.path),
    )
    if is_main:
        _write(result, test, trainer, data, settings, folder)
    return result


def _memory(trainer: Trainer, data: TrainingData) -> dict[str, int]:
    """What one step needs, by one batch of the train part."""
    state = trainer.state
    inputs, targets = next(iter(trainer.train_batches))
    return training_memory(
        state.network,
        state.optimizer,
        None if state.average is None else state.average.model,
        data.task.plain(),
        inputs.to(next(state.network.parameters()).dtype),
        for_members(targets, state.network.members),
    )


def _write(
    result: RunResult,
    test: Evaluation,
    trainer: Trainer,
    data: TrainingData,
    settings: TrainSettings,
    folder: RunFolder,
) -> None:
    train = data.train_rows or trainer.train_batches.num_examples
    rows = {"train": train, "dev": trainer.dev_batches.num_examples, "test": test.examples}
    write_text(folder.card_file, model_card(settings, data.preparation(), result, rows, versions()))
    write_json(folder.result_file, result.to_dict())
