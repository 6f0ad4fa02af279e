# SPDX-License-Identifier: BSD-2-Clause
# cmake -DNAME=… -DINPUT=….sql -DOUTPUT=….c -P embed.cmake: a file as a C string, const char NAME[].
file(READ "${INPUT}" bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE "${OUTPUT}" "extern const char ${NAME}[];\nconst char ${NAME}[] = {\n${bytes}0};\n")
