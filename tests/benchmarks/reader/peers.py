"""The same texts with another tool: `peers.py medspacy|negspacy TARGETS.json TEXTS.jsonl`, run by a Python that has it.

Both split sentences with spaCy's rules, find the same phrases and judge them with their own cues. Prints a JSON line a
text: the values by key, the strongest first said; the last line holds seconds of CPU by step and the peak memory.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import spacy

STRENGTH = ("absent", "possible", "present")


def pipeline(tool: str, targets: dict[str, str]) -> Any:
    """A tool with our phrases as its targets."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    if tool == "negspacy":
        import negspacy.negation  # noqa: F401 - adds its part to spaCy

        patterns = [{"label": label, "pattern": phrase} for phrase, label in targets.items()]
        nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"}).add_patterns(patterns)
        nlp.add_pipe("negex")
    else:
        import medspacy  # noqa: F401 - as above
        from medspacy.ner import TargetRule

        nlp.add_pipe("medspacy_target_matcher").add([TargetRule(phrase, label) for phrase, label in targets.items()])
        nlp.add_pipe("medspacy_context")
    return nlp


def value(entity: Any) -> str | None:
    """What a tool says of a mention of the patient; None: of another person, or not of now."""
    more = entity._
    if getattr(more, "is_family", False) or getattr(more, "is_hypothetical", False):
        return None
    if more.negex if hasattr(more, "negex") else more.is_negated:
        return "absent"
    return "possible" if getattr(more, "is_uncertain", False) else "present"


def main() -> None:
    began = time.process_time()
    tool, targets, texts = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3])
    nlp = pipeline(tool, targets)
    nlp("No mass.")
    ready = time.process_time()
    for line in texts.read_text().splitlines():
        found: dict[str, str] = {}
        for entity in nlp(json.loads(line)["text"]).ents:
            said = value(entity)
            for key in entity.label_.split("|") if said else ():
                found[key] = max(said, found.get(key, said), key=STRENGTH.index)
        print(json.dumps(found))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"start": ready - began, "read": time.process_time() - ready, "memory": memory}))


if __name__ == "__main__":
    main()
