"""Options that say which findings count, and where that is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from graphdoctor.cli.common import config_options
from graphdoctor.cli.reporting import LEVELS
from graphdoctor.config import Given

F = TypeVar("F", bound=Callable[..., Any])

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "What to check": ("targets", "inputs", "outputs", "live", "build"),
    "Which findings count": ("select", "extend_select", "ignore", "severity", "fail_on"),
    "Accepted findings": ("baseline", "write_baseline", "prune_baseline", "prune_suppressions"),
    "Output": ("formats", "output_file", "statistics", "show_nodes", "rule_url"),
    "Configuration": ("config", "isolated", "show_settings"),
    "Many models": ("jobs", "cache", "cache_dir"),
}
"""The options of ``check`` in the order of its help."""


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def added(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return added


choosing_options: Callable[[F], F] = _options(
    click.option("--select", multiple=True, metavar="CODE", help="Only rules whose code starts so. Repeatable."),
    click.option("--extend-select", multiple=True, metavar="CODE", help="These rules as well."),
    click.option("--ignore", multiple=True, metavar="CODE", help="Not these rules. No verdict changes."),
    click.option(
        "--severity",
        multiple=True,
        metavar="CODE=LEVEL",
        help="Give rules another severity: error, warning, info or off. No verdict changes.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice([*LEVELS, "never"]),
        help="Exit with 1 from this severity on (default: error), and for a chosen target that is not compatible.",
    ),
)
"""``--select`` and what goes with it."""

baseline_options: Callable[[F], F] = _options(
    click.option(
        "--baseline", metavar="PATH", help="Show only what is new: since --write-baseline, or since an older model."
    ),
    click.option("--write-baseline", metavar="PATH", help="Accept everything that is found; exit with 0."),
    click.option("--prune-baseline", is_flag=True, help="Remove from the baseline what is no longer found."),
    click.option(
        "--prune-suppressions",
        is_flag=True,
        help="Remove from MODEL.gdignore.toml what answers for nothing or is over.",
    ),
)
"""``--baseline`` and what makes one."""

settings_options: Callable[[F], F] = _options(
    config_options("Read no configuration and heed no suppression."),
    click.option("--show-settings", is_flag=True, help="Show what holds for each MODEL, and where it was read; stop."),
)
"""``--config`` and what goes with it."""


def given_of(words: Mapping[str, Any]) -> Given:
    """What the options of ``check`` say, by parameter name."""
    return Given(
        targets=_split(words["targets"]),
        inputs=words["inputs"],
        outputs=words["outputs"],
        select=_split(words["select"]),
        extend_select=_split(words["extend_select"]),
        ignore=_split(words["ignore"]),
        severity=_split(words["severity"]),
        format=words["formats"],
        fail_on=words["fail_on"] or "",
        live=True if words["build"] and words["live"] is None else words["live"],
        build=words["build"],
        baseline=words["baseline"] or "",
        config=words["config"],
        isolated=words["isolated"],
        without_baseline=bool(words["write_baseline"]),
    )


def _split(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())
