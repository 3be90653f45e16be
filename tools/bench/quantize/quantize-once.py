# Makes one quantized form of a model by a tool that people use today: `quantize-once.py FORM MODEL CALIBRATION TARGET`. CALIBRATION is a
# folder of .npz, one a sample. Prints the seconds (without starting Python and loading libraries), the process's peak memory, and a note.
import json
import logging
import os
import resource
import sys
import time
import traceback

from peers import integers, libraries, stored
from peers.data import scratch

FORMS = {**integers.FORMS, **libraries.FORMS, **stored.FORMS}


def main():
    form, source, calibration, target = sys.argv[1:]
    logging.disable(logging.WARNING)
    # Tools print progress; stdout belongs to the answer.
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        began = time.perf_counter()
        # onnxruntime leaves files in the working folder where it fails.
        with scratch() as folder:
            os.chdir(folder)
            note = FORMS[form](source, calibration, target)
            os.chdir(os.path.dirname(target))
        result = {
            "seconds": time.perf_counter() - began,
            "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "note": note or "",
        }
    except Exception as error:  # whatever a tool stumbles over is its row of the table
        where = traceback.extract_tb(error.__traceback__)[-1].name
        result = {"failed": f"{type(error).__name__} in {where}: {error}".split("\n")[0][:160]}
    os.write(answer, (json.dumps(result) + "\n").encode())


main()
