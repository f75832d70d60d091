"""Checks which hyperparameters of a model folder may be loaded without trust.

A HyperPyYAML file is a program: it names any class or function, and loading
it calls them. Folders that this package exports need few of them, so others
are refused unless their user trusts the folder.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import inspect
import io
import os
import pydoc
import re
import threading
from pathlib import Path

import ruamel.yaml
import torch
import yaml
from hyperpyyaml import resolve_references
from torch.nn.modules import module as torch_module

MAX_FILE_BYTES = 2**18
"""Largest file of hyperparameters; those that ship take 2 kB."""

MAX_NODES = 20_000
"""Most YAML nodes, aliases expanded; the model that ships has 120."""

MAX_DIGITS = 8
"""Longest whole number; a window of the paper has 6 digits."""

MAX_MODULES = 10_000
"""Most modules of a model; the paper's size has 1,700."""

VALUES_PER_BYTE = 4
"""Most parameters for each byte of weights in the folder: weights are stored
in two bytes or more, and weight normalisation registers them twice."""

SPARE_VALUES = 2**20
"""Parameters that a model may have without any weights."""

MAX_VALUES = 2**31
"""Most parameters of a model whose weights are not in a local folder."""

PACKAGES = ("speechbrain_flashsr.", "torch.nn.")
"""Their networks (subclasses of torch.nn.Module) are loaded without trust."""

HOOK = "speechbrain_flashsr.checkpoints.load_strictly"
"""The only function that is."""

PRETRAINERS = {
    "speechbrain_flashsr.checkpoints.SafetensorsPretrainer",
    "speechbrain.utils.parameter_transfer.Pretrainer",
}
"""Load weights from the folder; no other place may be named."""

OTHER_CLASSES = {"speechbrain.dataio.preprocess.AudioNormalizer"}
"""Are loaded without trust beside the networks."""

_REMEDY = (
    "A model folder can run any code, so by default only networks of this "
    "package and of torch.nn are loaded. If you trust this folder like a "
    "program that you install, load it with trust=True (flashsr --trust)."
)

_CORE = "tag:yaml.org,2002:"

_PLAIN_TAGS = {
    _CORE + kind
    for kind in ("str", "int", "float", "bool", "null", "map", "seq")
}

_REFERENCE = re.compile(r"<\w+(\[\w+\])*>")

_TUPLE = re.compile(r"\([\w\s.,+-]*\)")

_CLASS_NAME = re.compile(r"speechbrain_flashsr(\.\w+)+|torch\.nn\.[A-Z]\w*")


class ModelError(ValueError):
    """A model folder that is refused or cannot be loaded.

    The message names the file and the remedy."""


def check_hyperparams(path):
    """Checks that loading a HyperPyYAML file builds networks and nothing else.

    Allowed are plain values, references to other keys, the networks of this
    package and of torch.nn, SpeechBrain's `AudioNormalizer` and `Pretrainer`,
    and :func:`~speechbrain_flashsr.checkpoints.load_strictly`. Raises a
    ModelError if it names something else, is not valid, or would grow without
    bounds when it is loaded.

    Example
    -------
    >>> path = getfixture("tmp_path") / "hyperparams.yaml"
    >>> _ = path.write_text("a: 1\\nb: !apply:os.system [ls]")
    >>> check_hyperparams(path)
    Traceback (most recent call last):
    ...
    speechbrain_flashsr.checkpoints.trust.ModelError: '...' uses `!apply:os.system`...
    """
    path = Path(path)
    size = os.path.getsize(path)
    if size > MAX_FILE_BYTES:
        raise ModelError(
            f"'{path}' has {size} bytes, more than the {MAX_FILE_BYTES} of any "
            f"model's hyperparameters. {_REMEDY}"
        )
    try:
        text = path.read_text(encoding="utf-8")
        checker = _Checker(path)
        checker.check(ruamel.yaml.YAML().compose(text))
        # References are resolved by now; aliases have taken their place.
        resolved = resolve_references(io.StringIO(text))
        checker = _Checker(path)
        checker.check(yaml.compose(resolved, Loader=ruamel.yaml.Loader))
    except ModelError:
        raise
    # Damaged YAML makes its reader fail in any way.
    except Exception as error:
        raise ModelError(
            f"'{path}' is damaged or not a HyperPyYAML file: "
            f"{' '.join(str(error).split())}. Download the folder again."
        ) from error


@contextlib.contextmanager
def bounded_size(max_values, name):
    """Ends the building of a model with more than `max_values` parameters by a
    ModelError, before the memory of its weights is written to.

    Example
    -------
    >>> with bounded_size(1000, "the model"):
    ...     torch.nn.Linear(100, 100)
    Traceback (most recent call last):
        ...
    speechbrain_flashsr.checkpoints.trust.ModelError: the model has more than 1000...
    """
    thread = threading.get_ident()
    count = {"parameters": 0, "modules": 0}

    def add(what, number, limit):
        if threading.get_ident() != thread:
            return
        count[what] += number
        if count[what] > limit:
            raise ModelError(
                f"{name} has more than {limit} {what}, which its folder has "
                "no weights for. Download the folder again."
            )

    def on_parameter(module, key, parameter):
        if parameter is not None:
            add("parameters", parameter.numel(), max_values)

    def on_module(module, key, child):
        add("modules", 1, MAX_MODULES)

    hooks = [
        torch_module.register_module_parameter_registration_hook(on_parameter),
        torch_module.register_module_module_registration_hook(on_module),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class _Checker:
    """Walks through the nodes of a YAML file."""

    def __init__(self, path):
        self.path = path
        self.sizes = {}  # {id of a node: number of nodes, aliases expanded}

    def check(self, node):
        """Checks a node and those below it; returns how many there are."""
        if id(node) not in self.sizes:
            self.sizes[id(node)] = float("inf")  # in case it contains itself
            self.check_node(node)
            children = []
            if isinstance(node.value, list):
                for child in node.value:
                    children += child if isinstance(child, tuple) else [child]
            self.sizes[id(node)] = 1 + sum(map(self.check, children))
        if self.sizes[id(node)] > MAX_NODES:
            self.refuse(node, "repeats aliases without end")
        return self.sizes[id(node)]

    def check_node(self, node):
        """Checks a node alone."""
        tag, value = str(node.tag), node.value
        if tag.startswith("!new:"):
            self.check_class(node, tag.removeprefix("!new:"))
        elif tag.startswith("!name:"):
            name = tag.removeprefix("!name:")
            if name != HOOK:
                self.check_class(node, name)
            elif value and not _keys(node) <= {"sha256"}:
                self.refuse(node, f"calls `{HOOK}` with other arguments")
        elif tag == "!ref":
            if not _REFERENCE.fullmatch(value):
                self.refuse(node, f"computes `{value}`")
        elif tag == "!tuple" or (
            isinstance(value, str) and re.match(r"\(.*\)$", value)
        ):
            # HyperPyYAML reads a tuple's content as YAML that may hold code.
            if not _TUPLE.fullmatch(value):
                self.refuse(node, f"nests `{value}`")
        elif tag not in _PLAIN_TAGS:
            self.refuse(node, f"uses `{tag.replace(_CORE, '!!')}`")
        elif tag == _CORE + "int" and len(value) > MAX_DIGITS:
            self.refuse(node, f"has the number {value[:20]}")

    def check_class(self, node, name):
        """Checks that a class may be built from the arguments in a node."""
        if name in PRETRAINERS:
            if not _keys(node) <= {"loadables", "custom_hooks"}:
                self.refuse(node, "loads weights from outside the folder")
        elif name not in OTHER_CLASSES and not _is_network(name):
            self.refuse(node, f"uses `{node.tag}`")

    def refuse(self, node, reason):
        """Raises the error."""
        raise ModelError(
            f"'{self.path}' {reason} (line {node.start_mark.line + 1}). "
            f"{_REMEDY}"
        )


def _is_network(name):
    """Whether a name is that of a network of the allowed packages."""
    if not _CLASS_NAME.fullmatch(name):
        return False
    found = pydoc.locate(name)
    return (
        inspect.isclass(found)
        and issubclass(found, torch.nn.Module)
        and found.__module__.startswith(PACKAGES)
    )


def _keys(node):
    """The keys of a mapping; of something else, what is allowed nowhere."""
    if not isinstance(node.value, list):
        return {None}
    return {
        item[0].value if isinstance(item, tuple) else None
        for item in node.value
    }
