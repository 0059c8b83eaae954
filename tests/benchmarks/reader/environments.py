"""Virtual environments of the tools that the reader is measured beside, made once and kept in a cache folder."""

import os
import subprocess
import sys
import venv
from pathlib import Path

#: Versions that are measured; the rest is what pip resolves for them.
PINS = {
    "medspacy": ("medspacy==1.3.1", "spacy==3.7.5"),
    "negspacy": ("negspacy==1.1.0", "spacy==3.8.18"),
}


def python_of(tool: str) -> Path | None:
    """The Python of a tool, None when its packages cannot be had."""
    pins = PINS[tool]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emhwatch-bench"
    folder = cache / "-".join(pin.replace("==", "-") for pin in pins)
    python = folder / "bin" / "python"
    if (folder / "ready").is_file():
        return python
    print(f"  making an environment for {tool} in {folder}", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins]
    made = subprocess.run(command, stdout=sys.stderr, check=False)
    if made.returncode:
        return None
    (folder / "ready").touch()
    return python
