"""Optuna's tables in a database: made where they are missing, refused where they do not fit."""

from collections.abc import Mapping
from typing import Any

import optuna
from sqlalchemy.exc import SQLAlchemyError

from qimlp.sweeps.storage.patient import PATIENCE_S, PatientStorage, reason_of


def open_tables(
    url: str,
    *,
    shown: str,
    made: bool,
    engine: Mapping[str, Any],
    patience_s: float = PATIENCE_S,
) -> PatientStorage:
    """Open Optuna's tables.

    Args:
        url: Address of the database.
        shown: The same for messages.
        made: Whether the tables are there; else they are made.
        engine: Options of SQLAlchemy's engine.
        patience_s: The most seconds for which an operation is tried later on.

    Returns:
        The storage.

    Raises:
        ValueError: If the tables are those of another version of Optuna.
        OSError: If the database refuses.
    """
    try:
        return PatientStorage(
            url,
            shown=shown,
            patience_s=patience_s,
            engine_kwargs=dict(engine),
            skip_table_creation=made,
        )
    except SQLAlchemyError as error:
        raise OSError(f"storage {shown}: {reason_of(error)}") from None
    except optuna.exceptions.StorageInternalError as error:
        raise OSError(f"storage {shown}: {reason_of(error.__cause__)}") from None
    except RuntimeError:  # the one that Optuna's check of versions raises
        raise ValueError(
            f"storage {shown} was made by a version of Optuna whose tables differ from those of "
            f"{optuna.__version__}: use a new storage, or bring it up to date with "
            "`optuna storage upgrade`"
        ) from None
