#!/usr/bin/env python3
"""Verify the chain of jitd's record: verify-chain.py [FILE...], or from standard input.

FILE is what `jitctl audit export` or `jitctl audit --format json` wrote: JSON, an event a line.
See THE CHAIN in jitd-events(7). An event in the middle has the one before it taken on trust.
"""
import hashlib, json, sys

def members(pairs):
    if len({key for key, _ in pairs}) < len(pairs):
        sys.exit("an event says something twice")
    return dict(pairs)

def netstring(text):
    data = str(text).encode()
    return b"%d:%s," % (len(data), data)

files = sys.argv[1:] or ["/dev/stdin"]
seq, link = 0, "0" * 64
for line in (line for name in files for line in open(name, encoding="utf-8")):
    event = json.loads(line, object_pairs_hook=members)
    if seq and event["seq"] != seq + 1:
        sys.exit(f"event {event['seq']} comes after event {seq}")
    said = sorted((key.encode(), key, value) for key, value in event.items() if key != "chain")
    form = netstring(link) + b"".join(netstring(key) + netstring(value) for _, key, value in said)
    if (seq or event["seq"] == 1) and hashlib.sha256(form).hexdigest() != event["chain"]:
        sys.exit(f"event {event['seq']} does not fit to its link and the event before")
    seq, link = event["seq"], event["chain"]
print(f"whole up to event {seq}, whose link is {link}")
