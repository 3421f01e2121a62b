# The layer rule, as include folders: a layer is compiled with a generated folder
# that holds links to exactly the headers it may use, so a forbidden include does
# not compile. scripts/check-layers.sh covers what a compiler cannot see.

# llm_see(WHO NAME=TARGET ...): the generated include folder of WHO.
function(llm_see who)
	set(dir "${CMAKE_BINARY_DIR}/see/${who}")
	file(REMOVE_RECURSE "${dir}")
	foreach(pair IN LISTS ARGN)
		string(REGEX REPLACE "=.*" "" name "${pair}")
		string(REGEX REPLACE "^[^=]*=" "" target "${pair}")
		get_filename_component(parent "${dir}/${name}" DIRECTORY)
		file(MAKE_DIRECTORY "${parent}")
		file(CREATE_LINK "${CMAKE_SOURCE_DIR}/${target}" "${dir}/${name}" SYMBOLIC)
	endforeach()
	set(LLM_SEE_DIR "${dir}" PARENT_SCOPE)
endfunction()

set(LLM_LAYERS "" CACHE INTERNAL "")

# SMALL: what runs once a call or less often. FAST: what looks at each byte.
function(llm_optimise target how)
	if(how STREQUAL "SMALL")
		target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-Os>)
	elseif(how STREQUAL "FAST")
		target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O3>)
	endif()
endfunction()

# llm_layer(NAME [BUILT SMALL | FAST] MAY OTHER...): core/NAME/*.c as object library llm_NAME.
function(llm_layer name)
	cmake_parse_arguments(L "" "BUILT" "MAY" ${ARGN})
	file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/core/${name}/*.c")
	if(NOT sources)
		return()
	endif()
	set(links llm=include/llm)
	foreach(other IN LISTS name L_MAY)
		list(APPEND links "${other}=core/${other}")
	endforeach()
	llm_see(${name} ${links})
	add_library(llm_${name} OBJECT ${sources})
	target_include_directories(llm_${name} PRIVATE "${LLM_SEE_DIR}")
	target_link_libraries(llm_${name} PRIVATE llm_flags ${LLM_LINK_${name}})
	if(name STREQUAL "run" OR name STREQUAL "conf" OR name STREQUAL "api")
		target_link_libraries(llm_${name} PRIVATE PkgConfig::JANSSON) # through wire/jsonio.h
	endif()
	llm_optimise(llm_${name} "${L_BUILT}")
	set(LLM_LAYERS "${LLM_LAYERS};${name}" CACHE INTERNAL "")
endfunction()

# The ready-made parts of a host: they see what any host sees, and the storage ABI.
function(llm_host)
	file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/host/*.c")
	file(GLOB headers RELATIVE "${CMAKE_SOURCE_DIR}" "${CMAKE_SOURCE_DIR}/include/llm/*.h")
	set(links host.h=host/host.h llm/abi/abi.h=include/llm/abi/abi.h
		llm/abi/host.h=include/llm/abi/host.h llm/abi/storage.h=include/llm/abi/storage.h)
	foreach(header IN LISTS headers)
		string(REPLACE "include/" "" inside "${header}")
		list(APPEND links "${inside}=${header}")
	endforeach()
	llm_see(host ${links})
	add_library(llm_host OBJECT ${sources})
	target_include_directories(llm_host PRIVATE "${LLM_SEE_DIR}")
	target_link_libraries(llm_host PRIVATE llm_flags Threads::Threads)
	llm_optimise(llm_host SMALL)
	set(LLM_LAYERS "${LLM_LAYERS};host" CACHE INTERNAL "")
endfunction()

# libllm.so, and the same objects as an archive in which tests see everything.
function(llm_library)
	add_library(llm SHARED)
	add_library(llm_inside STATIC)
	foreach(name IN LISTS LLM_LAYERS)
		if(name)
			target_sources(llm PRIVATE $<TARGET_OBJECTS:llm_${name}>)
			target_sources(llm_inside PRIVATE $<TARGET_OBJECTS:llm_${name}>)
			target_link_libraries(llm PRIVATE ${LLM_LINK_${name}})
			target_link_libraries(llm_inside PUBLIC ${LLM_LINK_${name}})
		endif()
	endforeach()
	set_target_properties(llm PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0
		LINKER_LANGUAGE C)
	set_target_properties(llm_inside PROPERTIES LINKER_LANGUAGE C)
	target_include_directories(llm_inside PUBLIC "${CMAKE_SOURCE_DIR}/core"
		"${CMAKE_SOURCE_DIR}/include")
	target_link_libraries(llm PRIVATE llm_flags)
	target_link_libraries(llm_inside PUBLIC llm_flags)
	# Never unmapped: plugins stay loaded, and what is known of them stays with them.
	target_link_options(llm PRIVATE ${LLM_LINK_DEFS} -Wl,-z,nodelete
		"-Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/libllm.map")
	set_property(TARGET llm APPEND PROPERTY LINK_DEPENDS "${CMAKE_SOURCE_DIR}/cmake/libllm.map")
endfunction()

# The helper library for plugin authors: the core's reader and writer, hidden.
function(llm_kit)
	file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/plugins/kit/*.c")
	if(NOT sources)
		return()
	endif()
	llm_see(kit kit=plugins/kit llm=include/llm wire/jsonr.h=core/wire/jsonr.h
		wire/jsonw.h=core/wire/jsonw.h wire/num.h=core/wire/num.h
		wire/money.h=core/wire/money.h)
	add_library(llm_kit STATIC ${sources} core/wire/jsonr.c core/wire/jsontext.c
		core/wire/jsonw.c core/wire/num.c core/wire/money.c)
	target_include_directories(llm_kit PRIVATE "${LLM_SEE_DIR}")
	target_link_libraries(llm_kit PRIVATE llm_flags)
	llm_optimise(llm_kit FAST)
endfunction()

set(LLM_KIT_HEADERS kit=plugins/kit wire/jsonr.h=core/wire/jsonr.h
	wire/jsonw.h=core/wire/jsonw.h wire/num.h=core/wire/num.h)

# How a plugin is linked, named and placed.
function(llm_plugin_file name)
	set_target_properties(${name} PROPERTIES PREFIX "" LINKER_LANGUAGE C
		LIBRARY_OUTPUT_DIRECTORY "${LLM_PLUGIN_OUTPUT_DIRECTORY}")
	target_link_options(${name} PRIVATE ${LLM_LINK_DEFS} -Wl,-z,nodelete
		"-Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/plugin.map"
		"-Wl,--exclude-libs,ALL")
	# The loader refuses files that others may write, whatever the umask was.
	add_custom_command(TARGET ${name} POST_BUILD COMMAND chmod 0755
		$<TARGET_FILE:${name}> "${LLM_PLUGIN_OUTPUT_DIRECTORY}")
endfunction()

# A plugin that uses the kit, with the include folder of the caller.
function(llm_plugin name)
	add_library(${name} MODULE ${ARGN})
	target_include_directories(${name} PRIVATE "${LLM_SEE_DIR}")
	target_link_libraries(${name} PRIVATE llm_flags llm_kit)
	llm_plugin_file(${name})
endfunction()

# A provider sees the ABI of providers and the kit, no other kind and nothing of core.
function(llm_provider name)
	file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/plugins/providers/${name}/*.c")
	if(NOT sources)
		return()
	endif()
	llm_see(provider-${name} ${LLM_KIT_HEADERS} llm/base.h=include/llm/base.h
		llm/abi/abi.h=include/llm/abi/abi.h llm/abi/host.h=include/llm/abi/host.h
		llm/abi/wire.h=include/llm/abi/wire.h llm/abi/provider.h=include/llm/abi/provider.h)
	llm_plugin(${name} ${sources})
	llm_optimise(${name} FAST)
endfunction()

# A policy sees the ABI of policies and what the kit has for them.
function(llm_policy name)
	file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/plugins/policies/${name}/*.c")
	if(NOT sources)
		return()
	endif()
	llm_see(policy-${name} kit/policy.h=plugins/kit/policy.h wire/num.h=core/wire/num.h
		llm/base.h=include/llm/base.h llm/abi/abi.h=include/llm/abi/abi.h
		llm/abi/host.h=include/llm/abi/host.h llm/abi/policy.h=include/llm/abi/policy.h)
	llm_plugin(${name} ${sources})
endfunction()

# A storage plugin sees the ABI of storage, the lists of columns and its migrations, no other
# kind and nothing of core. NAME_inside is the same as an archive, for tests that look inside.
function(llm_storage name library)
	if(NOT TARGET ${library})
		return()
	endif()
	set(dir "${CMAKE_SOURCE_DIR}/persistence")
	file(GLOB sources CONFIGURE_DEPENDS "${dir}/*.c" "${dir}/${name}/*.c")
	file(GLOB migrations CONFIGURE_DEPENDS "${dir}/schema/${name}/*.sql")
	set(made "${CMAKE_BINARY_DIR}/persistence/${name}-migrations.c")
	add_custom_command(OUTPUT "${made}" DEPENDS ${migrations}
		"${CMAKE_SOURCE_DIR}/cmake/embed-sql.cmake"
		COMMAND ${CMAKE_COMMAND} "-DFROM=${dir}/schema/${name}" "-DTO=${made}"
			-P "${CMAKE_SOURCE_DIR}/cmake/embed-sql.cmake")
	llm_see(storage-${name} llm/base.h=include/llm/base.h llm/rows.h=include/llm/rows.h
		columns.h=persistence/columns.h migrations.h=persistence/${name}/migrations.h
		llm/abi/abi.h=include/llm/abi/abi.h llm/abi/host.h=include/llm/abi/host.h
		llm/abi/storage.h=include/llm/abi/storage.h
		llm/abi/ext/${name}.h=include/llm/abi/ext/${name}.h
		llm/native/${name}.h=include/llm/native/${name}.h)
	add_library(${name}_inside STATIC ${sources} "${made}")
	target_include_directories(${name}_inside PRIVATE "${LLM_SEE_DIR}")
	target_link_libraries(${name}_inside PUBLIC llm_flags ${library} Threads::Threads)
	add_library(${name} MODULE $<TARGET_OBJECTS:${name}_inside>)
	target_link_libraries(${name} PRIVATE llm_flags ${library} Threads::Threads)
	llm_plugin_file(${name})
endfunction()

# What "llmctl db export" writes, as C files: the migrations of each dialect, and llm_tables.py.
function(llm_export_text ret_sources)
	set(dir "${CMAKE_SOURCE_DIR}/persistence/schema")
	set(tables "${CMAKE_BINARY_DIR}/apps/export-tables.c")
	set(made "${tables}")
	foreach(dialect sqlite postgres)
		set(sql "${CMAKE_BINARY_DIR}/apps/export-${dialect}.c")
		list(APPEND made "${sql}")
		file(GLOB migrations CONFIGURE_DEPENDS "${dir}/${dialect}/*.sql")
		add_custom_command(OUTPUT "${sql}" DEPENDS ${migrations}
			"${CMAKE_SOURCE_DIR}/cmake/embed-sql.cmake"
			COMMAND ${CMAKE_COMMAND} "-DFROM=${dir}/${dialect}" "-DTO=${sql}"
				-DPREFIX=${dialect} -DWHOLE=ON
				-P "${CMAKE_SOURCE_DIR}/cmake/embed-sql.cmake")
	endforeach()
	add_custom_command(OUTPUT "${tables}" DEPENDS "${dir}/llm_tables.py"
		"${CMAKE_SOURCE_DIR}/cmake/embed-text.cmake"
		COMMAND ${CMAKE_COMMAND} "-DFROM=${dir}/llm_tables.py" "-DTO=${tables}"
			-DNAME=export_tables -DHEADER=migrations.h
			-P "${CMAKE_SOURCE_DIR}/cmake/embed-text.cmake")
	set(${ret_sources} ${${ret_sources}} ${made} PARENT_SCOPE)
endfunction()

# What a person starts as llmctl: help at once, the whole tool for everything else.
function(llm_front)
	set(dir "${CMAKE_SOURCE_DIR}/apps/llmctl/start")
	add_executable(llmctl "${dir}/front.c" "${dir}/help.c" "${dir}/commands.c")
	target_include_directories(llmctl PRIVATE "${CMAKE_BINARY_DIR}/see/app-llmctl")
	target_link_libraries(llmctl PRIVATE llm_flags)
	set_target_properties(llmctl_whole PROPERTIES OUTPUT_NAME llmctl
		RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/libexec/llm")
	add_dependencies(llmctl llmctl_whole)
endfunction()

# A tool sees its own folders and the public headers; it may use Jansson and the kit besides.
function(llm_app name)
	set(dir "${CMAKE_SOURCE_DIR}/apps/${name}")
	file(GLOB sources CONFIGURE_DEPENDS "${dir}/*.c" "${dir}/*/*.c")
	if(NOT sources)
		return()
	endif()
	list(FILTER sources EXCLUDE REGEX "/start/front\\.c$") # a program of its own: llm_front
	file(GLOB headers RELATIVE "${CMAKE_SOURCE_DIR}" "${CMAKE_SOURCE_DIR}/include/llm/*.h")
	set(links ${LLM_KIT_HEADERS} wire/money.h=core/wire/money.h)
	foreach(header IN LISTS headers) # not llm/abi
		string(REPLACE "include/" "" inside "${header}")
		list(APPEND links "${inside}=${header}")
	endforeach()
	file(GLOB folders RELATIVE "${dir}" CONFIGURE_DEPENDS "${dir}/*")
	foreach(folder IN LISTS folders)
		if(IS_DIRECTORY "${dir}/${folder}")
			list(APPEND links "${folder}=apps/${name}/${folder}")
		endif()
	endforeach()
	if(name STREQUAL "llmctl")
		list(APPEND links migrations.h=apps/llmctl/db/migrations.h)
		llm_export_text(sources)
	endif()
	llm_see(app-${name} ${links})
	if(NOT TARGET PkgConfig::LIBEDIT)
		list(FILTER sources EXCLUDE REGEX "/edit\\.c$")
	endif()
	set(app ${name})
	if(name STREQUAL "llmctl")
		set(name llmctl_whole)
	endif()
	add_executable(${name} ${sources})
	target_include_directories(${name} PRIVATE "${LLM_SEE_DIR}")
	target_compile_definitions(${name} PRIVATE
		LLM_BUILD_PLUGIN_DIR="${LLM_PLUGIN_OUTPUT_DIRECTORY}")
	target_link_libraries(${name} PRIVATE llm_flags PkgConfig::JANSSON Threads::Threads)
	if(TARGET llm_kit)
		target_link_libraries(${name} PRIVATE llm_kit)
	endif()
	if(app STREQUAL "llmctl" AND TARGET PkgConfig::LIBEDIT)
		target_compile_definitions(${name} PRIVATE LLM_LIBEDIT=1)
		target_link_libraries(${name} PRIVATE PkgConfig::LIBEDIT)
	endif()
	if(NOT app STREQUAL "llmsim") # the upstream stands alone: it imitates providers
		target_link_libraries(${name} PRIVATE llm)
	endif()
endfunction()
