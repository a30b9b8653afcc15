"""Asset checks that do not wait for the asset that they check.

Dagster skips a check in a run whose asset yields no output, and shows it as not evaluated. The
assets of days yield none, because each day has a materialization of its own, and a run in which a
day failed needs its checks most.
"""

from collections.abc import Callable

import dagster as dg

_OUTPUT = "result"
# A run executes the checks when no asset is left that could still be executed.
_LAST = {"dagster/priority": "-1"}


def asset_check(
    spec: dg.AssetCheckSpec, check: Callable[[], dg.AssetCheckResult]
) -> dg.AssetChecksDefinition:
    """Make an asset check that runs after the assets of its run, whether they failed or not.

    Args:
        spec: What it checks.
        check: Returns the result.
    """

    @dg.op(
        name=spec.get_python_identifier(),
        description=spec.description,
        out={_OUTPUT: dg.Out(dg.Nothing)},
        tags=_LAST,
    )
    def _op() -> dg.AssetCheckResult:
        return check()

    made: dg.AssetChecksDefinition = dg.AssetChecksDefinition.create(
        keys_by_input_name={},
        node_def=_op,
        check_specs_by_output_name={_OUTPUT: spec},
        resource_defs={},
        can_subset=False,
    )
    return made
