"""Values between steps: kept while a run may go on, deleted when it ended well, and a step that wants them says so."""

import dagster as dg
import pytest
from projects import Home

from echomort.core.errors import UserError
from orchestration.resources import VALUES, JsonValues


def step(run_id: str) -> dg.OutputContext:
    return dg.build_output_context(step_key="clips__plan", name="result", run_id=run_id)


def test_a_value_is_read_as_it_was_written_and_its_loss_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("ECHOMORT_HOME", str(tmp_path))
    values = JsonValues()
    values.handle_output(step("first"), {"units": ["a", "b"]})
    assert values.load_input(dg.build_input_context(upstream_output=step("first"))) == {"units": ["a", "b"]}
    with pytest.raises(UserError, match="start a new run"):
        values.load_input(dg.build_input_context(upstream_output=step("second")))


@pytest.mark.slow
def test_a_run_that_ended_well_leaves_no_values(finished: Home) -> None:
    assert list((finished.root / VALUES).iterdir()) == []
