"""The `ringproof` program, also run as `python -m ringproof`."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

from ringproof.exits import Exit


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code. The arguments are those of the process by default.

    A command ends with a code of its own through `ctx.exit(code)`. Bad usage, raised as a
    `click.ClickException`, is 2; our own exceptions carry the code that they mean as `exit_code` and are told
    in one sentence; an exception that nobody expected is 70, with its traceback; Ctrl-C is 130.
    click's own answer to the last three can be 1, which here means "violated" and nothing else.
    """
    try:
        import click

        from ringproof.cli import cli

        try:
            result = cli.main(arguments, prog_name="ringproof", standalone_mode=False)
        except click.ClickException as error:
            error.show()
            return Exit.USAGE
        except click.Abort:
            return _interrupted()
    except KeyboardInterrupt:
        return _interrupted()
    except SystemExit:
        # So click ends when the reader of a pipe has had enough; its 1 means "violated" here.
        return Exit.PIPE_CLOSED
    except OSError as error:
        print(f"ringproof: {_told(error)}", file=sys.stderr)
        return Exit.USAGE
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if code is not None:
            print(f"ringproof: {error}", file=sys.stderr)
            return Exit(code)
        import traceback

        traceback.print_exc()
        print("ringproof: internal error; the traceback above says where", file=sys.stderr)
        return Exit.INTERNAL
    return result if isinstance(result, int) else 0


def _told(error: OSError) -> str:
    """The error in words, with the file that it is about."""
    if error.strerror is None:
        return str(error)
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return f"the output cannot be written: {error.strerror}" if full else error.strerror


def _interrupted() -> int:
    print("ringproof: interrupted", file=sys.stderr)
    return Exit.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
