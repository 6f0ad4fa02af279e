#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test_format.sh SOURCE: every C file is as clang-format 14, that of Debian 12, leaves it. Other versions differ here
# and there, so that there is nothing to check with them.
set -eu
cd "$1"
format=$(command -v clang-format-14 || command -v clang-format || true)
if [ -z "$format" ]; then
    echo "skipped: clang-format is not installed"
    exit 77
fi
if ! "$format" --version | grep -q 'version 14\.'; then
    echo "skipped: $("$format" --version); the sources follow version 14"
    exit 77
fi
find . -path ./.git -prune -o -path ./build -prune -o -name '*.[ch]' -print | xargs "$format" --dry-run -Werror
