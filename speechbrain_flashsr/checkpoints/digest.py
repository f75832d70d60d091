"""Digests of models.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
from pathlib import Path

from speechbrain_flashsr.checkpoints.reading import digest_of_file


def digest_of_model(source):
    """SHA-256 of the weights and hyperparameters in a model's folder; a hub
    name is returned as it is.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "hyperparams.yaml").write_text("sample_rate: 48000")
    >>> digest_of_model(folder)[:8], digest_of_model("user/model")
    ('ace0e8a2', 'user/model')
    """
    if not Path(source).is_dir():
        return str(source)
    files = [
        f"{digest_of_file(path)}  {path.name}"
        for path in sorted(Path(source).iterdir())
        if path.suffix in (".yaml", ".ckpt", ".safetensors")
    ]
    return hashlib.sha256("\n".join(files).encode()).hexdigest()
