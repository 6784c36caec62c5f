"""isolated_code: code for a child process that imports nothing by chance."""

import os
import pathlib
import sys


def isolated_code(code: str) -> list[str]:
    """Returns the arguments of Python for running code in a child process.

    The child imports from where this process imports, except from the current
    folder: a file called `numpy.py` that happens to lie there does not run.
    The folder of this package comes last, because it may be the current folder.
    """
    here = pathlib.Path.cwd().resolve()
    path = [
        os.path.abspath(folder)
        for folder in sys.path
        if folder and pathlib.Path(folder).resolve() != here
    ]
    path.append(str(pathlib.Path(__file__).parents[1]))
    return ["-I", "-c", f"import sys; sys.path[:] = {path!r}; {code}"]
