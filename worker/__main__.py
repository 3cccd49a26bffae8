"""``python -m worker data prepare …`` and ``python -m worker original-names …``: what a person runs on a host by hand.

The words that follow are the command's own; ``--help`` behind them tells. Needs of the standard library only what the
command does not bring itself.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {("data", "prepare"): "worker.trainer.data_prepare", ("original-names",): "worker.trainer.original_names"}
"""The words of each command, and the module whose ``main`` it is."""


def main(argv: Sequence[str]) -> int:
    """Returns the command's exit code; 2 for words that are no command."""
    for words, module in COMMANDS.items():
        if tuple(argv[:len(words)]) == words:
            return int(importlib.import_module(module).main(list(argv[len(words):])))
    known = "\n".join(f"  python -m worker {' '.join(words)} --help" for words in COMMANDS)
    print(f"usage:\n{known}", file=sys.stderr)
    return 0 if list(argv) in (["-h"], ["--help"]) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
