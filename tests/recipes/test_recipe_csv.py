"""Every recipe as SpeechBrain's recipe tests run it, on seconds of sound.

Authors
 * The speechbrain_flashsr developers 2026
"""

import operator
import re

import pytest

from tests.recipes import training

OPERATORS = {
    "==": operator.eq,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def test_every_yaml_has_a_row_and_every_file_of_a_row_is_there(project):
    rows = training.read_rows().values()
    listed = {row["Hparam_file"] for row in rows}
    found = {
        str(path.relative_to(project))
        for path in (project / "recipes").glob("**/hparams/**/*.yaml")
        if not path.name.startswith("common")  # to which the others add
    }
    assert listed == found
    for row in rows:
        for column in (
            "Script_file",
            "Hparam_file",
            "Data_prep_file",
            "Readme_file",
        ):
            assert (project / row[column]).exists(), row[column]
        assert row["test_debug_flags"] and row["test_debug_checks"]


@pytest.mark.parametrize("name", training.read_rows())
def test_a_row_runs_and_passes_its_checks(name, recipes):
    row = training.read_rows()[name]
    output = recipes.output_of(name)
    checks = row["test_debug_checks"]
    (files,) = re.findall(r"file_exists=\[(.*?)\]", checks)
    for file in files.split(","):
        assert (output / file).exists(), file
    for check in re.findall(r"performance_check=\[(.*?)\]", checks):
        file, variable, threshold, epoch = check.split(", ")
        lines = (output / file).read_text().splitlines()
        (line,) = [line for line in lines if epoch in line]
        value = float(re.search(rf"{variable}: ([-+.\de]+)", line).group(1))
        symbol, limit = re.fullmatch(r"([<>=]+)(.+)", threshold).groups()
        assert OPERATORS[symbol](value, float(limit)), (variable, value)
