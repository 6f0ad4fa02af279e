# SPDX-License-Identifier: BSD-2-Clause
"""What the tests that compare with other programs share: dump_facts' output, and a plain skip."""
import csv
import os
import subprocess
import sys

SKIPPED = 77


def captures():
    """The folder of captures, or the end of the test with a message."""
    folder = os.environ.get("PKV_CAPTURES", "")
    if not os.path.isfile(os.path.join(folder, "LIST.tsv")):
        print(f"SKIPPED: no captures at {folder or '(PKV_CAPTURES is not set)'}")
        sys.exit(SKIPPED)
    return folder


def facts_of(program, capture):
    """A dictionary a packet."""
    done = subprocess.run([program, capture], capture_output=True, text=True, check=True)
    return list(csv.DictReader(done.stdout.splitlines(), delimiter="\t"))
