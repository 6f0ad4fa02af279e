# SPDX-License-Identifier: BSD-2-Clause
"""The files of the project, for the tests of the tree."""

import os
import subprocess

SOURCE = os.environ.get("PKV_SOURCE", os.path.abspath(os.path.join(os.path.dirname(__file__), "../..")))


def files():
    """Paths of all files under version control; without git, of all but build directories."""
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", SOURCE, "ls-files", "-z"], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) if has_git() else None
    if done and done.returncode == 0:
        names = [n for n in done.stdout.decode().split("\0") if n]
        return [n for n in names if os.path.exists(os.path.join(SOURCE, n))]
    found = []
    for directory, folders, names in os.walk(SOURCE):
        folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__")]
        found += [os.path.relpath(os.path.join(directory, n), SOURCE) for n in names]
    return sorted(found)


def has_git():
    return os.path.exists(os.path.join(SOURCE, ".git")) and any(
        os.access(os.path.join(d, "git"), os.X_OK) for d in os.environ.get("PATH", "").split(":"))


def c_files():
    return [f for f in files() if f.endswith((".c", ".h"))]


def read(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
        return file.read()
