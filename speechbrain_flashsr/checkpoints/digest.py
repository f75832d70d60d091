"""What tells a model from another.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
from pathlib import Path


def digest_of_model(source):
    """Digest of the weights and hyperparameters in a model's folder.

    Arguments
    ---------
    source : str or Path
        Folder or hub name of the model.

    Returns
    -------
    str
        SHA-256 in hexadecimal; a hub name is returned as it is.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "hyperparams.yaml").write_text("sample_rate: 48000")
    >>> digest_of_model(folder)[:8], digest_of_model("user/model")
    ('a99901c6', 'user/model')
    """
    if not Path(source).is_dir():
        return str(source)
    digest = hashlib.sha256()
    for path in sorted(Path(source).iterdir()):
        if path.suffix in (".yaml", ".ckpt"):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
