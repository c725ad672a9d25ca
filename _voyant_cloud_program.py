"""The program ``voyant-cloud``. Outside the package, so that Ctrl-C while that is being imported is no traceback."""

from __future__ import annotations

import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; see ``voyant_cloud.__main__``.

    Until that is imported, Ctrl-C ends the process as it ends one that has no handler: raised in the midst of an
    import, an exception may be lost, and some libraries of C do not survive it.
    """
    is_python_s = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_python_s:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from voyant_cloud.__main__ import load

    run = load()
    try:
        if is_python_s:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
