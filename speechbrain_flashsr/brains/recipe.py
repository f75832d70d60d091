"""What every training script does before it trains.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pathlib

import speechbrain as sb
from hyperpyyaml import load_hyperpyyaml
from speechbrain.utils.distributed import ddp_init_group

from speechbrain_flashsr.latents import LatentPairs, cache_latents


def load_recipe(arguments):
    """Reads a recipe's YAML, starts distributed training if torchrun did, and
    makes the experiment's folder.

    Arguments
    ---------
    arguments : list of str
        Of the command line: the YAML, options and overrides.

    Returns
    -------
    hparams : dict
        The loaded hyperparameters.
    run_opts : dict
        SpeechBrain's run options; those that the YAML names (`precision` and
        the like) are taken from it unless the command line sets them.

    Raises
    ------
    FileNotFoundError
        If a manifest is missing.
    """
    hparams_file, run_opts, overrides = sb.parse_arguments(arguments)
    ddp_init_group(run_opts)
    with open(hparams_file, encoding="utf-8") as file:
        hparams = load_hyperpyyaml(file, overrides)
    sb.create_experiment_directory(
        experiment_directory=hparams["output_folder"],
        hyperparams_to_save=hparams_file,
        overrides=overrides,
    )
    return hparams, run_opts


def prepare_latents(hparams, run_opts):
    """Caches the latents of a stage that trains on them.

    Arguments
    ---------
    hparams : dict
        `train_segments`, `valid_segments`, `features`, `autoencoder`,
        `latents_folder`, `cache_opts`, `draws_per_epoch`, `train_latents`,
        `valid_draws`.
    run_opts : dict
        `device`, where to encode.

    Returns
    -------
    train_data : speechbrain_flashsr.latents.LatentPairs
        One epoch is `draws_per_epoch`.
    valid_data : speechbrain_flashsr.latents.LatentPairs
        All of `valid_draws`.
    """
    folder = pathlib.Path(hparams["latents_folder"])
    for name in ("train", "valid"):
        segments = hparams[f"{name}_segments"]
        cache_latents(
            segments,
            hparams["features"],
            hparams["autoencoder"],
            folder / name,
            len(segments),
            device=run_opts.get("device") or "cpu",
            **hparams["cache_opts"],
        )
    return (
        LatentPairs(folder / "train", hparams["draws_per_epoch"]),
        LatentPairs(folder / "valid"),
    )
