"""`make bench`: runs every `tests/benchmarks/*/bench_*.py`, each in a process of its own, and prints what it prints."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Exit code 1 if a benchmark failed; the others run all the same."""
    failed = []
    chosen = sys.argv[1:]
    for path in sorted(HERE.glob("*/bench_*.py")):
        name = path.relative_to(HERE).as_posix()
        if chosen and not any(word in name for word in chosen):
            continue
        print(f"── {name}", flush=True)
        if subprocess.run([sys.executable, path], cwd=HERE.parents[1], check=False).returncode:
            failed.append(name)
    for name in failed:
        print(f"FAILED {name}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
