"""FlashSR as a SpeechBrain interface: audio super-resolution to 48 kHz.

J. Im and J. Nam, "FlashSR: One-step Versatile Audio Super-resolution via
Diffusion Distillation", ICASSP 2025, https://arxiv.org/abs/2501.10807

Authors
 * The speechbrain_flashsr developers 2026
"""

from pathlib import Path

import torch
from speechbrain.dataio.preprocess import AudioNormalizer
from speechbrain.inference.interfaces import Pretrained
from speechbrain.utils.autocast import AMPConfig
from speechbrain.utils.data_utils import split_path
from speechbrain.utils.fetching import fetch

from speechbrain_flashsr import SHIPPED_MODEL
from speechbrain_flashsr.audio.checks import (
    AudioError,
    check_finite,
    check_sample_rate,
    reason,
)
from speechbrain_flashsr.checkpoints import ModelError
from speechbrain_flashsr.checkpoints.folders import load_folder
from speechbrain_flashsr.inference.checks import (
    REMOTE,
    absolute_lengths,
    check_integer,
    check_source,
    check_wavs,
    cutoff_list,
    plain_torch,
    warn_of_lower_rate,
)
from speechbrain_flashsr.inference.clips import restore_clips
from speechbrain_flashsr.inference.files import restore_file
from speechbrain_flashsr.inference.run_options import complete_run_options
from speechbrain_flashsr.inference.settings import Settings
from speechbrain_flashsr.lobes.fast.memory import keep_freed_memory
from speechbrain_flashsr.lobes.fast.preparation import (
    is_small,
    prepare_for_inference,
)
from speechbrain_flashsr.lobes.super_resolver import WINDOW_LENGTH


class FlashSR(Pretrained):
    """Restores the high band of recordings; 48 kHz comes out.

    Run options beside SpeechBrain's own: `batch_windows`, the number of
    windows in a batch of the model (default: 1 on a CPU, 8 on a GPU).
    `precision` is "fp32", "bf16", on a GPU also "fp16", or "auto" (default):
    "bf16" on GPUs and processors that multiply it natively, otherwise "fp32".
    Those of trainings, such as `compile`, have no effect, with a warning.

    Arguments
    ---------
    modules : dict
        "super_resolver": a
        :class:`~speechbrain_flashsr.lobes.super_resolver.LatentSuperResolver`.
    hparams : dict
        Optionally `window_length` (samples), `num_steps`, `guidance_scale`
        and `batch_windows`.
    run_opts : dict, optional
        Run options.
    freeze_params : bool
        Whether the model is for inference alone: without gradients, and in
        the form that runs fastest.

    Example
    -------
    >>> from tests.tiny_model import save_tiny_model
    >>> folder = save_tiny_model(getfixture("tmp_path"))
    >>> flashsr = FlashSR.from_hparams(folder, run_opts={"device": "cpu"})
    >>> flashsr.super_resolve_batch(
    ...     torch.randn(2, 4000), sample_rate=8000
    ... ).shape
    torch.Size([2, 24000])
    """

    MODULES_NEEDED = ["super_resolver"]

    def __init__(
        self, modules=None, hparams=None, run_opts=None, freeze_params=True
    ):
        hparams = hparams or {}
        options = complete_run_options(run_opts, hparams)
        batch_windows = options.pop("batch_windows")
        super().__init__(modules, hparams, options, freeze_params)
        self.batch_windows = batch_windows
        self.mods.float()  # also if the default type is another one
        if "super_resolver" not in self.mods:
            raise ValueError("Need modules['super_resolver']")
        if freeze_params:
            prepare_for_inference(
                self.mods.super_resolver,
                AMPConfig.from_name(self.precision).dtype,
            )
        if self.device_type == "cpu" and is_small(self.mods.super_resolver):
            keep_freed_memory()  # after weights have been replaced
        self.sample_rate = self.mods.super_resolver.sample_rate
        self.window_length = hparams.get("window_length", WINDOW_LENGTH)
        check_integer(self.window_length, "window_length", 1)
        if "audio_normalizer" not in hparams:
            # The base class would bring `load_audio` to 16 kHz.
            self.audio_normalizer = AudioNormalizer(self.sample_rate, "keep")

    @classmethod
    @plain_torch()
    def from_hparams(
        cls,
        source=SHIPPED_MODEL,
        hparams_file="hyperparams.yaml",
        trust=False,
        run_opts=None,
        freeze_params=True,
        **kwargs,
    ):
        """Loads a model.

        Arguments
        ---------
        source : str or Path
            A folder, a hub identifier such as "user/model", or a URL.
        hparams_file : str
            Name of the model's hyperparameters in it.
        trust : bool
            Whether the source may run any code. By default, only networks of
            this package and of torch.nn are loaded from it.
        run_opts, freeze_params
            See above.
        **kwargs
            See :func:`~speechbrain_flashsr.checkpoints.folders.load_folder`.

        Returns
        -------
        FlashSR
            None if `download_only` is set.

        Raises
        ------
        FileNotFoundError
            If there is no such folder, or no model in it.
        ModelError
            If the source wants to run code without `trust`, is damaged, or
            cannot be fetched.
        CheckpointError
            If weights are damaged or do not fit.
        """
        check_source(source, hparams_file)
        if isinstance(source, str | Path) and Path(source).is_dir():
            # Read in place: SpeechBrain would prefer the files of an earlier
            # call in `savedir`, even of another model.
            kwargs.pop("savedir", None)
            source = str(source)
        hparams = load_folder(
            source, hparams_file, trust, cls.MODULES_NEEDED, **kwargs
        )
        if kwargs.get("download_only"):
            return None
        model = hparams["modules"]["super_resolver"]
        if not hasattr(model, "sample_rate"):
            raise ModelError(
                f"The model in '{source}' is not a super-resolver but a "
                f"{type(model).__name__}. Check its hyperparameters."
            )
        return cls(hparams["modules"], hparams, run_opts, freeze_params)

    @torch.no_grad()
    @plain_torch()
    def super_resolve_batch(
        self,
        wavs,
        lengths=None,
        sample_rate=None,
        cutoff=None,
        seed=0,
        num_steps=None,
        guidance_scale=None,
        low_band="input",
        strength=0.0,
        loop=False,
    ):
        """Restores the high band of a batch of waveforms.

        Each clip gets the result that it would get alone. Padding, according to
        `lengths`, is ignored and is 0 in the output.

        Arguments
        ---------
        wavs : torch.Tensor
            Floating point, full scale 1, [batch, time] or
            [batch, time, channels]; a single clip may be [time].
        lengths : torch.Tensor, optional
            Relative lengths in 0..1, [batch].
        sample_rate : int
            Of `wavs`, in Hz. It has no default.
        cutoff : float or sequence of float, optional
            Where the band ends, in Hz, for all or for each clip. Default: it
            is detected in each clip and channel.
        seed : int
            Of the noise that the diffusion starts from.
        num_steps : int, optional
            Diffusion steps; default: the model's, which is 1 for a student.
        guidance_scale : float, optional
            Classifier-free guidance; default: the model's, 1 for none.
        low_band : {"input", "model"}
            "input" keeps the input below the cut-off; "model" returns the raw
            output of the model at all frequencies, as in the paper, and what
            the input has below 25 Hz, which the model is not given.
        strength : float
            Gain of the restored band in dB.
        loop : bool
            Whether the clips are loops, whose end goes on with their start.

        Returns
        -------
        torch.Tensor
            Waveforms at 48 kHz, shaped like the input with
            round(time * 48000 / sample_rate) samples.

        Raises
        ------
        AudioError
            If the input or an option is not valid.
        """
        check_wavs(wavs)
        settings = self._settings(
            seed, num_steps, guidance_scale, low_band, strength
        )
        rate = check_sample_rate(sample_rate, "the batch")
        warn_of_lower_rate(rate, "the batch", self.sample_rate)
        clips = wavs.detach().to(self.device, torch.float32)
        if wavs.ndim == 1:
            clips = clips.unsqueeze(0)
        if wavs.ndim < 3:
            clips = clips.unsqueeze(2)
        num_samples = absolute_lengths(lengths, *clips.shape[:2])
        cutoffs = cutoff_list(cutoff, len(clips), min(rate, self.sample_rate))
        for i, length in enumerate(num_samples):
            check_finite(clips[i, :length].T, rate, f"clip {i}")
        output = restore_clips(
            self, clips, num_samples, rate, cutoffs, settings, loop
        )
        if wavs.ndim < 3:
            output = output.squeeze(2)
        return output if wavs.ndim > 1 else output.squeeze(0)

    @torch.no_grad()
    @plain_torch()
    def super_resolve_file(
        self,
        filename,
        output_filename=None,
        cutoff=None,
        seed=0,
        num_steps=None,
        guidance_scale=None,
        low_band="input",
        strength=0.0,
        loop=False,
        rate=None,
        subtype=None,
        headroom=None,
        accept_truncated=False,
        raw=None,
        progressbar=None,
        on_block=None,
    ):
        """Restores the high band of a recording of any length.

        The file is read twice, in blocks: memory does not grow with its
        length. Of more than 16 channels, groups of 16 neighbours are restored
        one after the other. The output appears when it is complete; if there
        was a file of that name, it is replaced. :meth:`enhance_file` returns
        the waveform.

        Arguments
        ---------
        filename : str or Path or bytes or binary file
            Any sound file that libsndfile or FFmpeg reads, or a film.
        output_filename : str or Path
            A .wav, .flac, .ogg or .opus file. May be left out with `on_block`.
        cutoff, seed, num_steps, guidance_scale, low_band, strength, loop
            See :meth:`super_resolve_batch`. `cutoff` may be a sequence with
            one entry per channel.
        rate : {44100, 48000, 96000}, optional
            Sample rate of the output in Hz. Default: the model's, 48000. What
            the model adds ends at 24 kHz in any case.
        subtype : str, optional
            Sample format of the output, for example "PCM_24" or "FLOAT".
            Default: the bit depth of the input.
        headroom : float, optional
            Lowers the recording, if need be, so that its peaks stay so many dB
            below full scale. Default: clipped samples are counted.
        accept_truncated : bool
            Whether to restore the intact part of a file that was cut or is
            damaged. Default: that is an error.
        raw : str, optional
            Sample format, rate and channels of an input without a header, for
            example "ulaw:8000" or "s16le:16000:2".
        progressbar : bool, optional
            Whether to show progress. Default: unless the run option
            `noprogressbar` is set.
        on_block : callable, optional
            Called with each restored block, [channels, time]. Without an
            output's name, nothing else comes of the call.

        Returns
        -------
        FileReport

        Raises
        ------
        AudioError
            If the input or an option is not valid, or the output cannot be
            written.
        """
        settings = self._settings(
            seed, num_steps, guidance_scale, low_band, strength
        )
        if progressbar is None:
            progressbar = not self.noprogressbar
        return restore_file(
            self,
            filename,
            output_filename,
            settings,
            cutoff=cutoff,
            loop=loop,
            rate=rate,
            subtype=subtype,
            headroom=headroom,
            accept_truncated=accept_truncated,
            raw=raw,
            progressbar=progressbar,
            on_block=on_block,
        )

    @torch.no_grad()
    def enhance_file(
        self, filename, output_filename=None, savedir=None, **options
    ):
        """Restores the high band of a file: the call of SpeechBrain's
        enhancement interfaces. The waveform has to fit into memory.

        Arguments
        ---------
        filename : str or Path or bytes or binary file
            A sound file, its URL, or its name on the hub, user/model/file.
        output_filename : str or Path, optional
            Where to write as well, see :meth:`super_resolve_file`.
        savedir : str or Path, optional
            Where a file that is fetched is kept.
        **options
            Those of :meth:`super_resolve_file`.

        Returns
        -------
        torch.Tensor
            The waveform at 48 kHz or `rate`, [time] or, with several channels,
            [time, channels].

        Raises
        ------
        AudioError
            See :meth:`super_resolve_file`; or if it cannot be fetched.
        """
        if isinstance(filename, str):
            source, name = split_path(filename)
            if REMOTE.fullmatch(source) and not Path(source).is_dir():
                try:
                    filename = fetch(name, source=source, savedir=savedir)
                except (OSError, ValueError, RuntimeError) as error:
                    raise AudioError(
                        f"'{filename}' was not found, and it cannot be "
                        f"fetched ({reason(error)}). Check its name, and the "
                        "network."
                    ) from error
        blocks = []
        self.super_resolve_file(
            filename, output_filename, on_block=blocks.append, **options
        )
        waveform = torch.cat(blocks, dim=1)
        return waveform.T if len(waveform) > 1 else waveform[0]

    def _settings(self, seed, num_steps, guidance_scale, low_band, strength):
        """Fills in the model's default steps and guidance."""
        if num_steps is None:
            num_steps = getattr(self.hparams, "num_steps", 1)
        if guidance_scale is None:
            guidance_scale = getattr(self.hparams, "guidance_scale", 1.0)
        return Settings(seed, num_steps, guidance_scale, low_band, strength)

    # The same calls under the names of SpeechBrain's enhancement interfaces.
    enhance_batch = super_resolve_batch
    forward = super_resolve_batch
