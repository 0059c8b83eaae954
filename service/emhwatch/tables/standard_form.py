"""The one way in which a table file is written, so that a difference between two versions shows only meaning."""

import csv
import io


def standard_form(path: str, text: str) -> str:
    """The file as `emhwatch tables fmt` writes it: LF, no blanks around cells, quotes only where needed.

    Raises:
        csv.Error: the file is no CSV.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    if not path.endswith(".csv"):
        return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"
    notices = []
    while lines and lines[0].startswith("#"):
        notices.append(lines.pop(0).rstrip())
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for cells in csv.reader(io.StringIO("\n".join(lines)), strict=True, skipinitialspace=True):
        if cells:
            writer.writerow([cell.strip() for cell in cells])
    return "".join(f"{notice}\n" for notice in notices) + out.getvalue()
