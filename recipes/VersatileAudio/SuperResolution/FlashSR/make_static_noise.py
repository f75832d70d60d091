"""Measures the mean spectrum that the static-noise baseline needs.

To run it:
> python make_static_noise.py DATA_FOLDER [NUM_DRAWS]

Writes `static_noise.json` beside itself: the mean over random segments of the
training set, domains weighted as in training.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json
import pathlib
import sys

from speechbrain_flashsr.data.segments import RandomSegments
from speechbrain_flashsr.metrics.static_noise import mean_log_power_spectrum

WEIGHTS = {"speech": 0.5, "music": 0.35, "effects": 0.15}

if __name__ == "__main__":
    folder = sys.argv[1]
    num_draws = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    segments = RandomSegments(
        f"{folder}/train.json", folder, 61440, WEIGHTS, num_draws=num_draws
    )
    draws = [segments[draw] for draw in range(num_draws)]
    mean = mean_log_power_spectrum(
        [draw["high"] for draw in draws], [draw["rolloff_hz"] for draw in draws]
    )
    path = pathlib.Path(__file__).parent / "static_noise.json"
    values = [round(value, 3) for value in mean.tolist()]
    path.write_text(json.dumps({"draws": num_draws, "log_power": values}))
    print(f"Wrote {path}")
