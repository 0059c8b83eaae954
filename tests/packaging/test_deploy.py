"""What stands in deploy/ agrees with the code."""

import inspect
import sys
from pathlib import Path

import pytest

from emhwatch import errors
from emhwatch.errors import EmhError, RetryClass
from emhwatch.inbox.lease import LeaseLost
from emhwatch.inbox.worker import FOREIGN
from emhwatch.settings import Settings, env_file

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RETRIED = {
    RetryClass.TRANSIENT: "retried",
    RetryClass.NEEDS_PERSON: "somebody has to act, then `emhwatch inbox retry`",
    RetryClass.POISON: "a replay does not help; report it",
    RetryClass.UNKNOWN_OUTCOME: "looked up first, then retried",
}


def code_table() -> str:
    """The error codes as the runbook lists them."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, EmhError)]
    rows = {kind.code: kind for kind in [*kinds, LeaseLost]}
    lines = ["| code | meaning | what happens |", "|---|---|---|"]
    for code in sorted(rows):
        meaning = (rows[code].__doc__ or "").strip().splitlines()[0]
        lines.append(f"| `{code}` | {meaning} | {RETRIED[rows[code].retry]} |")
    lines.append(f"| `{FOREIGN}` | A fault of this software; its class and place are in the log. | tried three times |")
    lines.append("| `started-too-often` | The process ended each time it worked this event. | report it |")
    return "\n".join(lines)


def test_env_file_is_current() -> None:
    assert (DEPLOY / "emhwatch.env").read_text("utf-8") == env_file(), (
        "run: emhwatch doctor --env > deploy/emhwatch.env"
    )


def test_env_file_can_be_used_as_it_stands() -> None:
    lines = [line[1:] for line in env_file().splitlines() if line.startswith("#EMHWATCH_")]
    environ = dict(line.split("=", 1) for line in lines)
    assert len(environ) > 40
    assert Settings.from_environ(environ) == Settings()


def test_runbook_lists_every_error_code() -> None:
    assert code_table() in (DEPLOY / "RUNBOOK.md").read_text("utf-8"), "run: python tests/packaging/test_deploy.py"


@pytest.mark.parametrize("name", ["compose.yaml", "Dockerfile"])
def test_h28_container_files_set_only_settings_that_exist(name: str) -> None:
    words = (DEPLOY / name).read_text("utf-8").replace("=", " ").replace(":", " ").split()
    known = {line[1:].split("=", 1)[0] for line in env_file().splitlines() if line.startswith("#EMHWATCH_")}
    used = {word for word in words if word.startswith("EMHWATCH_")}
    assert used
    assert used <= known


if __name__ == "__main__":
    path = DEPLOY / "RUNBOOK.md"
    text = path.read_text("utf-8")
    start = text.index("CODES") if "CODES" in text else text.index("| code | meaning")
    end = text.index("## What is stored")
    path.write_text(text[:start] + code_table() + "\n\n" + text[end:], "utf-8")
    sys.exit(0)
