"""The garbage collector, told about a large heap that stays."""

import gc

_is_settled = False


def settle() -> None:
    """Once a process has loaded what it needs: keep the collector from walking all of it again and again.

    Django and its applications are some hundred thousand objects that never go away. Left in the
    collector's view they cost a sender a quarter of its time.
    """
    global _is_settled
    if not _is_settled:
        _is_settled = True
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
