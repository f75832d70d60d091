"""Imports that are put off until what they give is used.

SpeechBrain and `scipy.signal` each import one function of `scipy.stats` that
restoring a recording does not call; without the import, the command takes 0.88
of the time to its first sample.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import importlib
import sys
import types


class _Deferred:
    """Stands for something in a module, which is imported when it is used."""

    def __init__(self, module, name):
        self._source = module, name

    def _value(self):
        module, name = self._source
        if isinstance(sys.modules.get(module), _DeferredModule):
            del sys.modules[module]
        return getattr(importlib.import_module(module), name)

    def __call__(self, *args, **kwargs):
        return self._value()(*args, **kwargs)

    def __getattr__(self, name):
        return getattr(self._value(), name)


class _DeferredModule(types.ModuleType):
    """Stands for a module while others import functions from it."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Deferred(self.__name__, name)


@contextlib.contextmanager
def deferred(name):
    """Puts off, within the context, the import of a module of which others
    import functions or objects; has no effect on one that is imported already.

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
    module = sys.modules[name] = _DeferredModule(name)
    try:
        yield
    finally:
        if sys.modules.get(name) is module:
            del sys.modules[name]
