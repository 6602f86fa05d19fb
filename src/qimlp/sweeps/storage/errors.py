"""What goes wrong with a storage that others share."""


class LockLostError(OSError):
    """What was done under a lock was not alone: another process broke it, or its server went."""
