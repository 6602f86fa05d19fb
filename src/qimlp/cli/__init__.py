"""The `qimlp` command."""

import os
import sys

from qimlp._startup import end_of_loading, prepare_command
from qimlp.cli.missing import says_what_is_missing


def main() -> None:
    """Run the command line of this process and exit with its code."""
    prepare_command()
    os.environ["MPLBACKEND"] = "agg"  # pictures go to files; another one might not be there
    try:
        with says_what_is_missing():
            from qimlp.cli.app import run  # noqa: PLC0415 - the libraries it needs may be missing
    except ModuleNotFoundError as error:
        sys.stderr.write(f"qimlp: error: {error}\n")
        sys.exit(2)
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after the command itself
        sys.stderr.write("qimlp: interrupted\n")
        code = 130
    finally:
        end_of_loading()
    sys.exit(code)
