#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test_exports.sh SHARED STATIC HEADERS: the shared library exports exactly what the installed headers declare; the
# static one has no other names than pkv_ and pkv__; and the library calls nothing that a library must leave alone.
set -eu
export LC_ALL=C
shared=$1
static=$2
headers=$3
work=$(mktemp -d "${TMPDIR:-/tmp}/pktvault-exports.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "$1"
    sed 's/^/    /' "$2"
    failed=1
}

# Declarations begin with PKV_API and end with ";"; the name is what stands before the first "(".
cat "$headers"/*.h | tr '\n' ' ' | grep -o 'PKV_API[^;(]*(' | grep -o 'pkv_[a-z0-9_]* *($' | tr -d ' (' |
    sort >"$work/declared"
[ "$(wc -l <"$work/declared")" -ge 40 ] || fail "too few declarations found in $headers:" "$work/declared"
uniq -d "$work/declared" >"$work/twice"
[ ! -s "$work/twice" ] || fail "declared twice:" "$work/twice"

# Symbols of the sanitizers are not ours.
nm -D --defined-only "$shared" | awk '{ print $3 }' | grep -Ev '^(__asan|__ubsan|__sanitizer|___asan|_init$|_fini$)' |
    sort >"$work/exported"
comm -13 "$work/declared" "$work/exported" >"$work/extra"
[ ! -s "$work/extra" ] || fail "exported, but no installed header declares it:" "$work/extra"
comm -23 "$work/declared" "$work/exported" >"$work/missing"
[ ! -s "$work/missing" ] || fail "declared in an installed header, but not exported:" "$work/missing"

nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | grep -Ev '^pkv_' |
    grep -Ev '^(__asan|__ubsan|__odr_asan|__start_asan|__stop_asan|asan\.)' | sort -u >"$work/names" || true
[ ! -s "$work/names" ] || fail "global names of the static library without pkv_:" "$work/names"
nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | grep -E '^pkv_[^_]' | sort -u >"$work/public"
comm -23 "$work/public" "$work/declared" >"$work/undeclared"
[ ! -s "$work/undeclared" ] || fail "pkv_ names that no installed header declares (internal names are pkv__):" \
    "$work/undeclared"

# "OBJECT NAME" of everything that the library calls.
nm -u "$static" | awk '/:$/ { object = $1; sub(/\.o:$/, "", object) } NF == 2 { print object, $2 }' |
    sed 's/@.*//' | sort -u >"$work/calls"

# only_in 'OBJECTS' 'NAMES' WHY: regular expressions.
only_in() {
    grep -E " ($2)\$" "$work/calls" | grep -Ev "^($1) " >"$work/found" || true
    [ ! -s "$work/found" ] || fail "$3:" "$work/found"
}

nobody='-'
only_in "$nobody" 'exit|_exit|quick_exit|abort' "a library does not end the process"
only_in "$nobody" 'getenv|secure_getenv|setenv|putenv|unsetenv' "a library does not read the environment"
only_in "$nobody" 'signal|sigaction|raise|kill|alarm|uv_signal_.*' "a library leaves signals alone"
only_in "$nobody" 'printf|vprintf|puts|putchar|perror|fprintf|vfprintf|fputs|fputc|fwrite|syslog|vsyslog' \
    "a library does not print"
only_in "$nobody" 'sqlite3_config|sqlite3_initialize|sqlite3_shutdown' "SQLite's settings belong to the program"
only_in "$nobody" 'uv_queue_work|uv_fs_.*|uv_getaddrinfo|uv_getnameinfo|uv_random|uv_default_loop' \
    "libuv's thread pool and default loop belong to the program"
only_in "$nobody" 'gets|strcpy|strcat|sprintf|vsprintf|strtok|gmtime|localtime|ctime|asctime|strerror' \
    "not bounded or not safe with threads"
only_in 'memory\.c' 'malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|vasprintf|aligned_alloc|posix_memalign' \
    "memory comes from base/memory.h"
only_in 'file(_[a-z]+)?\.c' \
    'open|open64|openat|openat64|fopen|fopen64|creat|rename|renameat2?|unlink|unlinkat|fsync|fdatasync|ftruncate|ftruncate64|mkdir|mkdirat|pwrite|pwrite64|flock|opendir|posix_fallocate|posix_fallocate64|fallocate|fallocate64' \
    "files are handled by base/file.h"
only_in 'thread\.c' 'pthread_create|uv_thread_create|uv_thread_create_ex' "threads are started by base/thread.h"

[ $failed = 0 ] && echo "$(wc -l <"$work/declared") names are exported, and nothing else"
exit $failed
