# Writes the migrations of a dialect as a C file: cmake -DFROM=DIR -DTO=FILE.c -P embed-sql.cmake
# NNNN_name.up.sql and NNNN_name.down.sql become rows of sql_migrations, in order.
#   -DPREFIX=NAME   the rows are NAME_migrations, for programs that hold several dialects
#   -DWHOLE=ON      each row has the statements that verify it too, NNNN_name.verify.sql
if(NOT PREFIX)
	set(PREFIX sql)
endif()
file(GLOB ups "${FROM}/*.up.sql")
list(SORT ups)
set(arrays "")
set(rows "")
set(n 0)

function(embed_bytes file name)
	file(READ "${file}" hex HEX)
	string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
	set(arrays "${arrays}static const char ${name}[] = {${bytes}0};\n" PARENT_SCOPE)
endfunction()

foreach(up IN LISTS ups)
	get_filename_component(stem "${up}" NAME)
	string(REGEX REPLACE "[.]up[.]sql$" "" stem "${stem}")
	math(EXPR n "${n} + 1")
	string(REGEX REPLACE "^0*([0-9]+)_.*$" "\\1" number "${stem}")
	if(NOT number EQUAL n)
		message(FATAL_ERROR "${stem}: migrations are numbered without a gap, this is number ${n}")
	endif()
	string(REGEX REPLACE "^[0-9]+_" "" name "${stem}")
	embed_bytes("${up}" up_${n})
	embed_bytes("${FROM}/${stem}.down.sql" down_${n})
	if(WHOLE)
		embed_bytes("${FROM}/${stem}.verify.sql" verify_${n})
		string(APPEND rows "\t{\"${name}\", up_${n}, down_${n}, verify_${n}},\n")
	else()
		string(APPEND rows "\t{\"${name}\", up_${n}, down_${n}},\n")
	endif()
endforeach()
file(WRITE "${TO}" "/* Made from ${FROM} by cmake/embed-sql.cmake. */
#include \"migrations.h\"

${arrays}
const sql_migration ${PREFIX}_migrations[] = {
${rows}};
const unsigned ${PREFIX}_migration_count = ${n};
")
