"""Runs the emulator, and ends with it: in the emulator's own interpreter, started by path.

Once it has saved its state and closed all, Python would wait for its threads. Those of Step Functions
wait for tasks, and go on for minutes.
"""

import os
import runpy
import sys

if __name__ == "__main__":
    code: object = None
    try:
        runpy.run_module("ministack", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
