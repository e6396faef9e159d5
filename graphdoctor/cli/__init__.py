"""The command line: one file a command, loaded when it is called."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import signal
import sys
import threading
import warnings
from types import FrameType
from typing import NoReturn

import click

from graphdoctor import __version__
from graphdoctor.errors import GraphdoctorError, InputError, Interrupted

COMMANDS = (
    "check",
    "fix",
    "convert",
    "build",
    "verify",
    "cure",
    "inspect",
    "explain",
    "rules",
    "targets",
    "packs",
    "clean",
    "completion",
    "test-rules",
    "test-rewrites",
    "run-script",
    "diff",
    "undo",
)
USAGE_ERROR = 2
_LEFT = "Files that were reported as written are whole, all others are as they were; run the same command again"


class _Lazy(click.Group):
    """Imports a command's module only when it is called or its help is shown."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name == "check" and sys.argv[1:2] == ["check"]:
            from graphdoctor.batch.hashing import begin

            begin(sys.argv[2:])
        command: click.Command = importlib.import_module(f"graphdoctor.cli.{cmd_name.replace('-', '_')}").command
        if "_GRAPHDOCTOR_COMPLETE" in os.environ:  # a shell asks, and no command runs
            from graphdoctor.cli.completing import with_completion

            return with_completion(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Commands: {', '.join(COMMANDS)}"
            raise InputError(f"there is no command {args[0]!r}", remedy=hint)
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="graphdoctor")
def cli() -> None:
    """Checks, repairs and converts frozen TensorFlow graphs for NVIDIA TensorRT, and proves that the numbers stay.

    Exit codes: 0 clean, 1 findings (or differences), 2 the tool could not do its work.
    """


def main() -> NoReturn:
    """The program: run the command line and end at once, without taking a large graph apart object by object.

    Where something waits for the interpreter's own end (a thread, a profiler, output that cannot be written), that is
    the end.
    """
    try:
        command_line()
    except SystemExit as e:
        waiting = any(not t.daemon for t in threading.enumerate() if t is not threading.main_thread())
        if waiting or sys.getprofile() is not None or sys.gettrace() is not None or not isinstance(e.code, int):
            raise
        atexit._run_exitfuncs()
        if _flushed():
            os._exit(e.code)
        raise


def command_line() -> NoReturn:
    """Run the command line and exit, as :func:`run_program` does."""
    run_program(cli, "graphdoctor")


def _flushed() -> bool:
    """True if all that was said has left."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True


def run_program(command: click.Command, name: str) -> NoReturn:
    """Run ``command`` and exit; every expected error is one message on standard error and exit code 2.

    A request to end (SIGTERM, SIGHUP) is taken as Ctrl-C is: temporary files go and worker processes end.
    """
    gc.disable()  # one short run: collecting the graph's many small objects costs more than it frees
    # An ignored signal stays ignored: that is what nohup does.
    ends = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in ends:
        signal.signal(number, _interrupt)
    try:
        code = _run(command, name)
    finally:
        for number in ends:
            signal.signal(number, signal.SIG_DFL)
    sys.exit(code)


def _run(command: click.Command, name: str) -> int:
    """The exit code, once what went wrong has been said."""
    try:
        with warnings.catch_warnings():
            # NaN and overflow in a damaged constant are for the report; numpy's own word on them helps nobody.
            warnings.simplefilter("ignore", RuntimeWarning)
            code = command.main(prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as e:
        code = e.exit_code
    except click.ClickException as e:
        code = _show_usage(e)
    except (click.Abort, KeyboardInterrupt) as e:
        code = _interrupted(e)
    except GraphdoctorError as e:
        code = _show(e)
    except (MemoryError, RecursionError) as e:
        code = _say(
            f"the model is too large or too deep for this machine ({type(e).__name__})",
            "graphdoctor inspect lists the largest constants; a damaged one claims more than the file holds",
        )
    except OSError as e:
        code = _say(f"{e.filename or 'standard output'}: {e.strerror or e}", "Check the space left and the permissions")
    return code if isinstance(code, int) else 0


def _interrupted(error: BaseException) -> int:
    """What was done by then, where a command could tell; click takes Ctrl-C first and keeps it as the cause."""
    known = error.__cause__ if isinstance(error, click.Abort) else error
    if isinstance(known, Interrupted):
        return _say(known.message, known.remedy)
    return _say("interrupted; nothing was written half", _LEFT)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _show(error: GraphdoctorError) -> int:
    from graphdoctor.cli.common import show_error

    show_error(error)
    return USAGE_ERROR


def _show_usage(error: click.ClickException) -> int:
    from graphdoctor.cli.usage import usage_error

    if len(sys.argv) < 2:  # nothing was asked: click's error is the help
        error.show()
        return USAGE_ERROR
    return _show(usage_error(error))


def _say(message: str, remedy: str = "") -> int:
    click.echo(f"error: {message}" + (f"\nhelp: {remedy}" if remedy else ""), err=True)
    return USAGE_ERROR
