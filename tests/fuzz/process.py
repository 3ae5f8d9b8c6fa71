"""One target under atheris, in this process: ``python -m tests.fuzz.process TARGET CORPUS …``."""

import sys

import atheris

with atheris.instrument_imports(include=["mudserver"]):
    from tests.fuzz.targets import TARGETS


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()
