# Programs of bench/: floors see libcurl alone, the others the public headers; bench-codec
# sees what a host sees of a plugin, bench-plan looks inside.
set(LLM_BENCH_DIR "${CMAKE_BINARY_DIR}/bench")

function(llm_bench name)
	add_executable(${name} ${ARGN} bench/meter.c)
	set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${LLM_BENCH_DIR}")
	target_compile_definitions(${name} PRIVATE
		LLM_BUILD_PLUGIN_DIR="${LLM_PLUGIN_OUTPUT_DIRECTORY}")
	target_include_directories(${name} PRIVATE bench)
	target_link_libraries(${name} PRIVATE llm_flags Threads::Threads)
endfunction()

llm_bench(floor-calls bench/floor/calls.c)
target_link_libraries(floor-calls PRIVATE PkgConfig::CURL)

foreach(program calls start)
	llm_bench(bench-${program} bench/${program}.c)
	target_include_directories(bench-${program} PRIVATE include)
	target_link_libraries(bench-${program} PRIVATE llm)
endforeach()

llm_bench(bench-codec bench/codec.c)
target_include_directories(bench-codec PRIVATE include)
target_link_libraries(bench-codec PRIVATE ${CMAKE_DL_LIBS})

llm_bench(bench-plan bench/plan.c)
target_link_libraries(bench-plan PRIVATE llm_inside)

llm_bench(bench-direct bench/direct.c)

llm_bench(bench-host bench/host.c)
target_include_directories(bench-host PRIVATE include)
target_link_libraries(bench-host PRIVATE PkgConfig::CURL ${CMAKE_DL_LIBS})

if(TARGET PkgConfig::SQLITE)
	add_executable(floor-lite bench/floor/lite.c)
	set_target_properties(floor-lite PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${LLM_BENCH_DIR}")
	target_link_libraries(floor-lite PRIVATE llm_flags PkgConfig::SQLITE)
endif()
if(TARGET PkgConfig::PQ)
	add_executable(floor-rows bench/floor/rows.c)
	set_target_properties(floor-rows PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${LLM_BENCH_DIR}")
	target_link_libraries(floor-rows PRIVATE llm_flags PkgConfig::PQ)
endif()
