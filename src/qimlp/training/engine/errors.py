"""What can end a training run early, beside bad input."""


class NonFiniteLossError(ArithmeticError):
    """The loss became infinite or not a number; the run folder keeps the epochs before."""


class TrainingInterrupted(KeyboardInterrupt):
    """The user asked to stop; the state is on disk and the run can be resumed.

    Attributes:
        signal_number: Which signal asked; None where that stands at the cause of this error.
    """

    signal_number: int | None = None


class TimeLimitReached(TrainingInterrupted):
    """The limit of time that was given is nearly over; the run can be resumed."""


class RunInUseError(OSError):
    """Another process works in the run folder."""
