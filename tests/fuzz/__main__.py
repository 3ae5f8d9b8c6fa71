"""
Fuzz: ``python -m tests.fuzz --seconds 600 telnet message``, from the top of the checkout.

Each target runs in a process of its own; all of them without a name. What was found interesting
stays in ``.fuzz/TARGET``, where the next run goes on; what breaks a target is kept beside it and
named, and given to the target alone by ``python -m tests.fuzz --replay FILE telnet``.
"""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.targets import SEEDS, TARGETS

_FOLDER = Path(".fuzz")


def main() -> int:
    """Fuzz; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--replay", type=Path, help="give this input to the target, once")
    options = parser.parse_args()
    unknown = set(options.target) - set(TARGETS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    names = options.target or list(TARGETS)
    if options.replay is not None:
        for name in names:
            TARGETS[name](options.replay.read_bytes())
        return 0
    if find_spec("atheris") is None:
        print("Skipped: atheris is not installed here; it has wheels for Linux on x86-64.")
        return 0
    broken = [name for name in names if not _fuzz(name, options.seconds)]
    print(f"{len(names) - len(broken)} passed, {len(broken)} failed")
    return 1 if broken else 0


def _fuzz(name: str, seconds: int) -> bool:
    corpus, found = _FOLDER / name / "corpus", _FOLDER / name / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    print(f"== {name}, {seconds} s", flush=True)
    command = [sys.executable, "-m", "tests.fuzz.process", name, str(corpus)]
    command += [f"-max_total_time={seconds}", f"-artifact_prefix={found}/", "-verbosity=0"]
    command += ["-print_final_stats=1", "-max_len=4096", "-timeout=10", "-rss_limit_mb=2048"]
    done = subprocess.run(command, check=False).returncode == 0
    print("nothing found" if done else f"broken: see {found}", flush=True)
    return done


if __name__ == "__main__":
    sys.exit(main())
