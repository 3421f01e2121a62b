# Writes a text file as a C string: cmake -DFROM=FILE -DTO=FILE.c -DNAME=NAME -DHEADER=NAME.h -P ...
file(READ "${FROM}" hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE "${TO}" "/* Made from ${FROM} by cmake/embed-text.cmake. */
#include \"${HEADER}\"

const char ${NAME}[] = {${bytes}0};
")
