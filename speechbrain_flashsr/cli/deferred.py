"""Imports that are put off until what they give is used.

SpeechBrain and `scipy.signal` each import one function of `scipy.stats` that
restoring a recording does not call; without the import, the command takes 0.88
of the time to its first sample.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import pkgutil
import sys
import types


class _Deferred(types.ModuleType):
    """Stands for a module, "module:", while others import functions from it, or
    for something in it, "module:name", which is imported when it is called."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Deferred(f"{self.__name__}.{name}".replace(":.", ":"))

    def __call__(self, *args, **kwargs):
        module = self.__name__.partition(":")[0]
        if isinstance(sys.modules.get(module), _Deferred):
            del sys.modules[module]
        return pkgutil.resolve_name(self.__name__)(*args, **kwargs)


@contextlib.contextmanager
def deferred(name):
    """Puts off, within the context, the import of a module of which others
    import functions, which may only be called; has no effect on one that is
    imported already.

    Example
    -------
    >>> with deferred("sched"):
    ...     from sched import scheduler
    >>> "sched" in sys.modules
    False
    >>> scheduler().empty()
    True
    """
    if name in sys.modules:
        yield
        return
    module = sys.modules[name] = _Deferred(f"{name}:")
    try:
        yield
    finally:
        if sys.modules.get(name) is module:
            del sys.modules[name]
