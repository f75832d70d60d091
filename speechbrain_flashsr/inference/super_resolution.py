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
from speechbrain.utils.logger import get_logger

from speechbrain_flashsr.audio.checks import (
    check_finite,
    check_not_input,
    check_sample_rate,
)
from speechbrain_flashsr.audio.output_formats import output_format
from speechbrain_flashsr.audio.reading import AudioReader
from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.audio.writing import AudioWriter, copy_file
from speechbrain_flashsr.checkpoints.folders import load_folder
from speechbrain_flashsr.inference.checks import (
    absolute_lengths,
    check_source,
    check_wavs,
    check_whole,
    cutoff_list,
)
from speechbrain_flashsr.inference.long_audio import (
    plan_windows,
    process_windows,
)
from speechbrain_flashsr.inference.reporting import (
    FileReport,
    announce,
    warn_of_clipping,
    with_progress,
)
from speechbrain_flashsr.inference.restoration import Settings, WindowRestorer
from speechbrain_flashsr.inference.signal_analysis import analyse
from speechbrain_flashsr.lobes.fast.preparation import prepare_for_inference

logger = get_logger(__name__)

SHIPPED_MODEL = Path(__file__).parent.parent / "pretrained" / "small"
"""Folder of the model that ships with the package."""

WINDOW_LENGTH = 245760
"""Default length of a window in samples: the paper's 5.12 s."""

BATCH_WINDOWS = {"cpu": 1, "cuda": 8}
"""Default number of windows that the model gets together, per device type."""


class FlashSR(Pretrained):
    """Restores the high band of recordings; 48 kHz comes out.

    Run options beside SpeechBrain's own: `batch_windows`, the number of
    windows that the model gets together (default: 1 on a CPU, 8 on a GPU).
    `precision` is "fp32", "bf16" or, on a GPU, "fp16".

    Arguments
    ---------
    modules : dict
        "super_resolver": a
        :class:`~speechbrain_flashsr.lobes.super_resolver.LatentSuperResolver`.
    hparams : dict
        `sample_rate`, the rate in Hz of batches that come without one, and
        optionally `window_length` (samples), `num_steps`, `guidance_scale`
        and `batch_windows`.
    run_opts : dict, optional
        Run options.
    freeze_params : bool
        Whether to switch gradients off and evaluation mode on, and to bring
        the weights to the form in which they run fastest (see
        :func:`~speechbrain_flashsr.lobes.fast.preparation.prepare_for_inference`).

    Example
    -------
    >>> from tests.tiny_model import save_tiny_model
    >>> folder = save_tiny_model(getfixture("tmp_path"))
    >>> sr = FlashSR.from_hparams(folder, run_opts={"device": "cpu"})
    >>> sr.super_resolve_batch(torch.randn(2, 4000), sample_rate=8000).shape
    torch.Size([2, 24000])
    """

    HPARAMS_NEEDED = ["sample_rate"]
    MODULES_NEEDED = ["super_resolver"]

    def __init__(
        self, modules=None, hparams=None, run_opts=None, freeze_params=True
    ):
        # SpeechBrain's run options know neither ours nor torch.device.
        batch_windows = None
        if isinstance(run_opts, dict):
            run_opts = dict(run_opts)
            batch_windows = run_opts.pop("batch_windows", None)
            if batch_windows is not None:
                check_whole(batch_windows, "batch_windows", 1)
            if run_opts.get("device") is not None:
                run_opts["device"] = str(run_opts["device"])
        super().__init__(modules, hparams, run_opts, freeze_params)
        for name in self.MODULES_NEEDED:
            if name not in self.mods:
                raise ValueError(f"Need modules['{name}']")
        if self.precision == "fp16" and self.device_type == "cpu":
            raise ValueError(
                "precision='fp16' needs a GPU. Use 'bf16' or 'fp32' on a CPU."
            )
        if freeze_params:
            prepare_for_inference(
                self.mods.super_resolver,
                AMPConfig.from_name(self.precision).dtype,
            )
        self.sample_rate = self.mods.super_resolver.sample_rate
        self.window_length = hparams.get("window_length", WINDOW_LENGTH)
        self.batch_windows = (
            batch_windows
            or hparams.get("batch_windows")
            or BATCH_WINDOWS.get(self.device_type, 1)
        )
        for name in ("window_length", "batch_windows"):
            check_whole(getattr(self, name), name, 1)
        if "audio_normalizer" not in hparams:
            # The base class would bring `load_audio` to 16 kHz.
            self.audio_normalizer = AudioNormalizer(self.sample_rate, "keep")

    @classmethod
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
            A folder, a hub identifier such as "user/model", or a URL. Default:
            the model that ships with the package.
        hparams_file : str
            Name of the model's hyperparameters in it.
        trust : bool
            Whether the source may run any code, like a program that you
            install. By default, only networks of this package and of torch.nn
            are loaded from it.
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
            If the source looks like a folder but is not there, or holds no
            model.
        ModelError
            If the source wants to run code without `trust`, or is damaged.
        CheckpointError
            If weights are damaged or do not fit.
        """
        check_source(source, hparams_file)
        if isinstance(source, str | Path) and Path(source).is_dir():
            # Read in place: SpeechBrain would prefer what an earlier call left
            # in `savedir`, even of another model.
            kwargs.pop("savedir", None)
            source = str(source)
        hparams = load_folder(source, hparams_file, trust, **kwargs)
        if kwargs.get("download_only"):
            return None
        return cls(hparams["modules"], hparams, run_opts, freeze_params)

    @torch.no_grad()
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
    ):
        """Restores the high band of a batch of waveforms.

        Each clip gets the result that it would get alone; what is padding
        according to `lengths` is not looked at and is 0 in the output.

        Arguments
        ---------
        wavs : torch.Tensor
            Floating point, full scale 1, [batch, time] or
            [batch, time, channels]; a single clip may be [time].
        lengths : torch.Tensor, optional
            Relative lengths in 0..1, [batch].
        sample_rate : int, optional
            Of `wavs`, in Hz; default: that of the hyperparameters, 48000 for the
            model that ships (not the 16000 of most recognisers).
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
            What the output is below the cut-off: the input, or whatever the
            model makes of it, as in the paper.

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
        settings = self._settings(seed, num_steps, guidance_scale, low_band)
        if sample_rate is None:
            sample_rate = self.hparams.sample_rate
        rate = self._input_rate(sample_rate, "the batch")
        check_wavs(wavs)
        clips = wavs.detach().to(self.device, torch.float32)
        if wavs.ndim == 1:
            clips = clips.unsqueeze(0)
        if wavs.ndim < 3:
            clips = clips.unsqueeze(2)
        channels = clips.shape[2]
        num_samples = absolute_lengths(lengths, *clips.shape[:2])
        cutoffs = cutoff_list(cutoff, len(clips), min(rate, self.sample_rate))
        resampler = Resampler(rate, self.sample_rate)
        time = resampler.output_length(clips.shape[1])
        output = clips.new_zeros(len(clips), time, channels)
        analyses = []
        # Clips of one length go through as the channels of one recording.
        for length in sorted(set(num_samples)):
            members = [i for i, n in enumerate(num_samples) if n == length]
            for i in members:
                check_finite(clips[i, :length].T, rate, f"clip {i}")
            rows = clips[members, :length].transpose(1, 2).flatten(0, 1)
            low = resampler(rows)
            analysis = analyse(
                [low],
                self.sample_rate,
                cutoffs
                and [cutoffs[i] for i in members for _ in range(channels)],
                channels_per_clip=channels,
            )
            analyses.append(analysis)
            high = torch.cat(
                list(self._restore([low], analysis, settings)), dim=1
            )
            high = high.unflatten(0, (len(members), -1)).transpose(1, 2)
            output[members, : high.shape[1]] = high
        announce(analyses, "the batch")
        if wavs.ndim < 3:
            output = output.squeeze(2)
        return output if wavs.ndim > 1 else output.squeeze(0)

    @torch.no_grad()
    def super_resolve_file(
        self,
        filename,
        output_filename=None,
        cutoff=None,
        seed=0,
        num_steps=None,
        guidance_scale=None,
        low_band="input",
        subtype=None,
        progressbar=None,
    ):
        """Restores the high band of a recording of any length.

        The file is read twice, in blocks: memory does not grow with its
        length if an output is named. The output appears when it is complete;
        if there was a file of that name, it is replaced.

        Arguments
        ---------
        filename : str or Path
            Any sound file that libsndfile reads.
        output_filename : str or Path, optional
            A .wav, .flac or .ogg file. Default: nothing is written and the
            waveform is returned.
        cutoff, seed, num_steps, guidance_scale, low_band
            See :meth:`super_resolve_batch`. `cutoff` may be a sequence with
            one entry per channel.
        subtype : str, optional
            Sample format of the output, for example "PCM_24" or "FLOAT".
            Default: the bit depth of the input.
        progressbar : bool, optional
            Whether to show progress. Default: unless the run option
            `noprogressbar` is set.

        Returns
        -------
        FileReport or torch.Tensor
            The report if an output is named, otherwise the waveform at
            48 kHz, [time] or, with several channels, [time, channels].

        Raises
        ------
        AudioError
            If the input or an option is not valid, or the output cannot be
            written.
        """
        settings = self._settings(seed, num_steps, guidance_scale, low_band)
        if progressbar is None:
            progressbar = not self.noprogressbar
        with AudioReader(filename) as reader:
            if output_filename is not None:
                check_not_input(filename, output_filename)
                file_type = output_format(
                    output_filename, reader.subtype, subtype
                )
            name = f"'{filename}'"
            rate = self._input_rate(reader.sample_rate, name)
            cutoffs = cutoff_list(
                cutoff, reader.channels, min(rate, self.sample_rate)
            )
            resampler = Resampler(rate, self.sample_rate)

            def progress(blocks, what):
                return with_progress(
                    blocks,
                    resampler.output_length(reader.num_samples),
                    self.sample_rate,
                    f"{what} {Path(filename).name}" if progressbar else None,
                )

            low = resampler.stream(reader.blocks())
            analysis = analyse(
                progress(low, "Analysing"), self.sample_rate, cutoffs
            )
            announce([analysis], name)
            low = resampler.stream(reader.blocks())
            restored = progress(
                self._restore(low, analysis, settings), "Restoring"
            )
            if output_filename is None:
                waveform = torch.cat(list(restored), dim=1)
                return waveform.T if len(waveform) > 1 else waveform[0]
            source_type = (reader.format, reader.subtype)
            if rate == self.sample_rate and not any(analysis.cutoff_hz):
                if source_type == file_type:
                    copy_file(filename, output_filename)
                    return self._report(output_filename, rate, analysis)
            with AudioWriter(
                output_filename,
                self.sample_rate,
                reader.channels,
                *file_type,
                num_samples=analysis.num_samples,
                metadata=reader.metadata(),
            ) as writer:
                for block in restored:
                    writer.write(block)
        warn_of_clipping(writer)
        return self._report(
            output_filename, rate, analysis, writer.clipped_samples
        )

    def _settings(self, seed, num_steps, guidance_scale, low_band):
        """Fills in the model's own number of steps and guidance."""
        if num_steps is None:
            num_steps = getattr(self.hparams, "num_steps", 1)
        if guidance_scale is None:
            guidance_scale = getattr(self.hparams, "guidance_scale", 1.0)
        return Settings(seed, num_steps, guidance_scale, low_band)

    def _input_rate(self, sample_rate, name):
        """Checks the rate of an input and says if the band gets narrower."""
        rate = check_sample_rate(sample_rate, name)
        if rate > self.sample_rate:
            logger.warning(
                f"{name} is at {rate} Hz: it is brought to "
                f"{self.sample_rate} Hz, which drops what lies above "
                f"{self.sample_rate // 2} Hz."
            )
        return rate

    def _restore(self, blocks, analysis, settings):
        """Yields the restored recording in blocks, [channels, time]."""
        if not any(analysis.cutoff_hz):
            yield from blocks
            return
        restorer = WindowRestorer(
            self.mods.super_resolver,
            analysis,
            settings,
            self.batch_windows,
            self.device,
            self.inference_ctx,
        )
        plan = plan_windows(
            analysis.num_samples,
            self.window_length,
            self.mods.super_resolver.window_multiple,
        )
        for low, parts in process_windows(
            blocks, plan, restorer, restorer.windows_at_a_time
        ):
            removed, restored = parts.chunk(2)
            yield restorer.keep * low + removed + restored

    def _report(self, output_filename, rate, analysis, clipped=0):
        return FileReport(
            str(output_filename),
            rate,
            self.sample_rate,
            analysis.num_samples,
            analysis.cutoff_hz,
            clipped,
        )

    # The same calls under the names of SpeechBrain's enhancement interfaces.
    enhance_batch = super_resolve_batch
    enhance_file = super_resolve_file
    forward = super_resolve_batch
