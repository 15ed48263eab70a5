"""The same events, as others read them: JSON lines, a JSON document, CSV, and two logs in logfmt.

compare.py EVENTS.jsonl EVENTS.json EVENTS.csv AUTH.LOG JOURNAL.LOG
"""
import csv, json, re, sys
from urllib.parse import unquote

from logfmt.parser import parse_line

lines_file, document_file, csv_file, *log_files = sys.argv[1:]
with open(lines_file, encoding="utf-8", newline="\n") as lines:
    events = [json.loads(line) for line in lines]
with open(document_file, encoding="utf-8") as document:
    assert json.load(document) == events, "the document has other events"

COMMON = ["seq", "at", "event", "id", "user", "uid", "role", "by", "chain"]
with open(csv_file, encoding="utf-8", newline="") as table:
    for event, row in zip(events, csv.DictReader(table), strict=True):
        assert not any(cell[:1] in tuple("=+-@\t\r") for cell in row.values() if cell), row
        read = json.loads(row.pop("fields"))
        read.update({key: cell.removeprefix("'") for key, cell in row.items() if cell})
        assert read == {key: str(value) for key, value in event.items()}, (read, event)

expected = {event["seq"]: {k: str(v) for k, v in event.items() if k != "at"} for event in events}
compared = 0
for log_file in log_files:
    found = []
    with open(log_file, encoding="utf-8", newline="\n") as log:
        for line in log:
            message = re.fullmatch(r"(?:\S+ \S+ jitd\[\d+\]: |\w+ +\d+ [\d:]+ \S+ jitd\[\d+\]: )?(event=.*)\n", line)
            if message:
                fields = parse_line(message[1])
                read = {key: unquote(value) for key, value in fields.items() if key not in ("at", "late")}
                assert read == expected[int(fields["seq"])], (read, expected[int(fields["seq"])])
                found.append(int(fields["seq"]))
    # What was told before the host was booted is in no log of this boot.
    told = [seq for seq in sorted(expected) if seq >= found[0]]
    assert found == told and len(told) > 5, f"{log_file} has {found}"
    compared += len(found)
print(f"the same: {len(events)} events, {compared} lines")
