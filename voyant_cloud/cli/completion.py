"""``voyant-cloud completion``: what makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from voyant_cloud.cli.invocation import PROGRAM
from voyant_cloud.cli.options import debug_option
from voyant_cloud.cli.output import Output

__all__ = ["completion"]

_VARIABLE = "_VOYANT_CLOUD_COMPLETE"


@click.command(short_help="Print a script that makes your shell complete this.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@debug_option
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script for your shell that completes commands and options.

    \b
      bash:  echo 'eval "$(voyant-cloud completion bash)"' >> ~/.bashrc
      zsh:   echo 'eval "$(voyant-cloud completion zsh)"' >> ~/.zshrc
      fish:  voyant-cloud completion fish > ~/.config/fish/completions/voyant-cloud.fish
    """
    script = get_completion_class(shell)
    assert script is not None, "the choices above are what click knows"
    Output(as_json=False, quiet=False).line(script(context.find_root().command, {}, PROGRAM, _VARIABLE).source())
