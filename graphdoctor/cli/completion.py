"""graphdoctor completion."""

from __future__ import annotations

import click

from graphdoctor.cli.common import out
from graphdoctor.cli.completing import script

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the script that lets a shell complete commands, options, targets, rules, packs and formats.

    \b
    bash  graphdoctor completion bash > ~/.local/share/bash-completion/completions/graphdoctor
    zsh   graphdoctor completion zsh > ~/.zfunc/_graphdoctor     (with ~/.zfunc in fpath)
    fish  graphdoctor completion fish > ~/.config/fish/completions/graphdoctor.fish
    """
    out(script(shell))
