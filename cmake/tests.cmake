# Tests find themselves: a file in one of these folders is a test program.
#   unit, contract        Criterion, inside the library (everything of core visible)
#   functional, fault     Criterion, through the public headers and real sockets
#   threads               plain programs: Criterion does not start under TSan
#   hosts                 plain programs that use the library, or something beside it, in their own way
#   fuzz                  libFuzzer targets; elsewhere they replay their corpus
file(GLOB support_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/support/*.c")
list(REMOVE_ITEM support_sources "${CMAKE_SOURCE_DIR}/tests/support/fuzz_main.c")
set(vfs_sources "${CMAKE_SOURCE_DIR}/tests/support/vfs.c"
	"${CMAKE_SOURCE_DIR}/tests/support/vfs_power.c")
list(REMOVE_ITEM support_sources ${vfs_sources} "${CMAKE_SOURCE_DIR}/tests/support/pg.c")
if(TARGET sqlite)
	add_library(llm_vfs STATIC ${vfs_sources})
	target_include_directories(llm_vfs PUBLIC "${CMAKE_SOURCE_DIR}/tests")
	target_link_libraries(llm_vfs PUBLIC llm_flags PkgConfig::SQLITE)
endif()
if(TARGET PkgConfig::PQ)
	add_library(llm_pg STATIC "${CMAKE_SOURCE_DIR}/tests/support/pg.c")
	target_compile_definitions(llm_pg PRIVATE TEST_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
	target_include_directories(llm_pg PUBLIC "${CMAKE_SOURCE_DIR}/tests")
	target_link_libraries(llm_pg PUBLIC llm_flags PkgConfig::PQ)
endif()
if(support_sources)
	add_library(llm_support STATIC ${support_sources})
	target_include_directories(llm_support PUBLIC "${CMAKE_SOURCE_DIR}/tests"
		"${CMAKE_SOURCE_DIR}/include")
	target_include_directories(llm_support PRIVATE "${CMAKE_SOURCE_DIR}/core") # play.c
	target_link_libraries(llm_support PUBLIC llm_flags PkgConfig::JANSSON Threads::Threads)
endif()

function(llm_test_program folder file inside criterion)
	get_filename_component(stem "${file}" NAME_WE)
	set(name "${folder}_${stem}")
	add_executable(${name} "${file}")
	set_target_properties(${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
	target_compile_definitions(${name} PRIVATE
		TEST_SOURCE_DIR="${CMAKE_SOURCE_DIR}" TEST_BINARY_DIR="${CMAKE_BINARY_DIR}")
	target_link_libraries(${name} PRIVATE llm_support)
	if(inside STREQUAL "ON")
		target_link_libraries(${name} PRIVATE llm_inside)
		if(TARGET llm_kit)
			target_link_libraries(${name} PRIVATE llm_kit)
		endif()
	elseif(inside STREQUAL "OFF")
		target_link_libraries(${name} PRIVATE llm)
	endif()
	target_link_libraries(${name} PRIVATE llm_flags PkgConfig::JANSSON)
	if(TARGET PkgConfig::LIBEDIT)
		target_compile_definitions(${name} PRIVATE TEST_WITH_LIBEDIT)
	endif()
	if(TARGET sqlite)
		target_compile_definitions(${name} PRIVATE TEST_WITH_SQLITE)
		if(stem MATCHES "^(ledger_(bound|budget[a-z_]*|host|time|unit|key[a-z_]*)|cache_sql)$") # a handle of the test's own
			target_link_libraries(${name} PRIVATE PkgConfig::SQLITE)
		endif()
		if(stem MATCHES "^sqlite_") # looks inside the plugin
			target_link_libraries(${name} PRIVATE sqlite_inside llm_vfs)
			target_include_directories(${name} PRIVATE
				"${CMAKE_SOURCE_DIR}/persistence")
		elseif(stem MATCHES "^(llmctl_(cache|listing|resume|sharing_postgres|store)|storage_(budget_histories|cache|keys|r[a-z]+))$") # looks into databases
			target_link_libraries(${name} PRIVATE PkgConfig::SQLITE)
		endif()
	endif()
	if(TARGET llm_pg AND stem MATCHES "postgres|^storage_") # on a server of its own
		target_link_libraries(${name} PRIVATE llm_pg)
		if(TARGET postgres)
			target_compile_definitions(${name} PRIVATE TEST_WITH_POSTGRES)
		endif()
	endif()
	if(TARGET postgres AND stem MATCHES "^postgres_(bound|statements|trips|units)$") # looks inside
		target_link_libraries(${name} PRIVATE postgres_inside)
		target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/persistence")
	endif()
	if(stem STREQUAL "postgres_schema") # the records beside the catalogue
		target_sources(${name} PRIVATE "${CMAKE_SOURCE_DIR}/persistence/columns.c")
		target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/persistence")
	endif()
	if(criterion)
		target_link_libraries(${name} PRIVATE PkgConfig::CRITERION)
		add_test(NAME ${name} COMMAND ${name} --jobs 1)
	else()
		add_test(NAME ${name} COMMAND ${name})
	endif()
	set_tests_properties(${name} PROPERTIES LABELS "${folder}" TIMEOUT 600
		WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	if(NOT folder STREQUAL "unit") # the rest starts tools and loads plugins
		foreach(tool llm llmsim llmctl openai ollama gemini sqlite postgres ordered weighted
				least_busy latency cost affinity)
			if(TARGET ${tool})
				add_dependencies(${name} ${tool})
			endif()
		endforeach()
	endif()
endfunction()

function(llm_test_folder folder inside criterion)
	file(GLOB files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${folder}/*.c")
	foreach(file IN LISTS files)
		if(NOT TARGET llm_pg AND file MATCHES "postgres[a-z0-9_]*[.]c$")
			continue()
		endif()
		if(NOT TARGET sqlite AND file MATCHES "/(sqlite_|ledger|llmctl_(cache|listing|resume|sharing|store)|cache_sql)[a-z0-9_]*[.]c$")
			continue()
		endif()
		set(sees ${inside})
		if(file MATCHES "/threads/(random|inside)_") # they look inside the library
			set(sees ON)
		endif()
		llm_test_program(${folder} "${file}" ${sees} ${criterion})
	endforeach()
endfunction()

if(NOT LLM_SANITIZE MATCHES "thread" AND NOT LLM_FUZZ)
	llm_test_folder(unit ON ON)
	llm_test_folder(contract ON ON)
	llm_test_folder(functional OFF ON)
	llm_test_folder(fault OFF ON)
endif()
if(NOT LLM_FUZZ)
	llm_test_folder(threads OFF OFF)
	# Hosts of their own kind: one uses libcurl beside us, one does not link the library.
	llm_test_folder(hosts NONE OFF)
	target_link_libraries(hosts_curl PRIVATE llm PkgConfig::CURL)
	target_link_libraries(hosts_local PRIVATE ${CMAKE_DL_LIBS})
	if(TARGET llmctl AND NOT LLM_SANITIZE AND NOT LLM_COVERAGE)
		add_test(NAME quickstart COMMAND "${CMAKE_SOURCE_DIR}/tests/functional/quickstart.sh")
		set_tests_properties(quickstart PROPERTIES LABELS "functional" TIMEOUT 900
			WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	endif()
	if(TARGET llmsim AND NOT LLM_SANITIZE MATCHES "thread")
		add_test(NAME official_clients
			COMMAND "${CMAKE_SOURCE_DIR}/tests/clients/run.sh" "$<TARGET_FILE:llmsim>")
		set_tests_properties(official_clients PROPERTIES LABELS "functional" TIMEOUT 600
			WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	endif()
	if(TARGET llmctl AND TARGET sqlite AND NOT LLM_SANITIZE)
		add_test(NAME db_export
			COMMAND "${CMAKE_SOURCE_DIR}/tests/export/run.sh" $<TARGET_FILE:llmctl>)
		set_tests_properties(db_export PROPERTIES LABELS "functional" TIMEOUT 600
			WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	endif()
	if(TARGET llmctl AND TARGET llmsim AND NOT LLM_SANITIZE)
		set(page_test "${CMAKE_SOURCE_DIR}/tests/functional/page.sh"
			"$<TARGET_FILE_DIR:llmsim>" "${LLM_PLUGIN_OUTPUT_DIRECTORY}")
		add_test(NAME try_faults
			COMMAND ${page_test} "${CMAKE_SOURCE_DIR}/docs/try-faults.md" 25)
		add_test(NAME routing_page
			COMMAND ${page_test} "${CMAKE_SOURCE_DIR}/docs/routing.md" 35)
		if(TARGET sqlite) # what is gone on from is stored
			add_test(NAME chat_page
				COMMAND ${page_test} "${CMAKE_SOURCE_DIR}/docs/chat.md" 12)
			set_tests_properties(chat_page PROPERTIES LABELS "functional" TIMEOUT 120)
		endif()
		add_test(NAME failover COMMAND "${CMAKE_SOURCE_DIR}/examples/failover.sh"
			"$<TARGET_FILE_DIR:llmsim>")
		set_tests_properties(failover PROPERTIES PASS_REGULAR_EXPRESSION
			"^(.*\n)?ollama gemini ollama\n")
		if(TARGET sqlite)
			add_test(NAME two_hosts COMMAND "${CMAKE_SOURCE_DIR}/examples/two-hosts.sh"
				"$<TARGET_FILE_DIR:llmsim>")
			set_tests_properties(two_hosts PROPERTIES LABELS "functional" TIMEOUT 60
				PASS_REGULAR_EXPRESSION "\n1 provider call, 2 equal answers\n")
		endif()
		add_executable(example_own_router examples/own-router.c)
		target_include_directories(example_own_router PRIVATE include)
		target_link_libraries(example_own_router PRIVATE llm)
		add_dependencies(example_own_router llmsim ollama)
		add_test(NAME outside COMMAND "${CMAKE_SOURCE_DIR}/tests/functional/outside.sh"
			"$<TARGET_FILE_DIR:llmsim>" "${LLM_PLUGIN_OUTPUT_DIRECTORY}"
			$<TARGET_FILE:example_own_router> "${CMAKE_C_COMPILER}")
		set_tests_properties(try_faults routing_page failover outside
			PROPERTIES LABELS "functional" TIMEOUT 120)
	endif()
	if(TARGET fault_sites) # its functions stand before the C library's, for all that is loaded
		set_target_properties(fault_sites PROPERTIES ENABLE_EXPORTS ON)
	endif()
	if(TARGET functional_real_model) # takes a core for itself, and shows nothing new everywhere
		set_tests_properties(functional_real_model PROPERTIES RUN_SERIAL TRUE)
		if(LLM_COVERAGE OR LLM_SANITIZE MATCHES "undefined")
			set_tests_properties(functional_real_model PROPERTIES DISABLED TRUE)
		endif()
	endif()
	if(TARGET llmsim AND NOT LLM_SANITIZE AND NOT LLM_COVERAGE) # strace and sanitizers do not agree
		add_executable(example_poll_loop examples/poll-loop.c)
		target_include_directories(example_poll_loop PRIVATE include)
		target_link_libraries(example_poll_loop PRIVATE llm)
		add_dependencies(example_poll_loop llmsim ollama)
		add_test(NAME poll_loop COMMAND "${CMAKE_SOURCE_DIR}/tests/functional/poll_loop.sh"
			$<TARGET_FILE:example_poll_loop> $<TARGET_FILE:llmsim>
			"${LLM_PLUGIN_OUTPUT_DIRECTORY}")
		set_tests_properties(poll_loop PROPERTIES LABELS "functional" TIMEOUT 120)
	endif()
	if(TARGET llmsim AND TARGET sqlite AND NOT LLM_SANITIZE AND NOT LLM_COVERAGE)
		# Once with the system's SQLite, once with a copy of its own beside the plugin's.
		set(host_transaction example_host_transaction)
		add_executable(example_host_transaction examples/host-transaction.c)
		target_link_libraries(example_host_transaction PRIVATE llm_flags llm PkgConfig::SQLITE)
		find_library(SQLITE_ARCHIVE libsqlite3.a)
		if(SQLITE_ARCHIVE)
			add_executable(example_host_transaction_own examples/host-transaction.c)
			target_link_libraries(example_host_transaction_own PRIVATE llm_flags llm
				"${SQLITE_ARCHIVE}" Threads::Threads ${CMAKE_DL_LIBS} m)
			target_link_options(example_host_transaction_own PRIVATE
				-Wl,--exclude-libs,ALL)
			list(APPEND host_transaction example_host_transaction_own)
		endif()
		set(programs)
		foreach(program IN LISTS host_transaction)
			target_include_directories(${program} PRIVATE include)
			list(APPEND programs $<TARGET_FILE:${program}>)
		endforeach()
		add_test(NAME host_transaction
			COMMAND "${CMAKE_SOURCE_DIR}/tests/functional/host_transaction.sh"
			$<TARGET_FILE:llmsim> "${LLM_PLUGIN_OUTPUT_DIRECTORY}" ${programs})
		set_tests_properties(host_transaction PROPERTIES LABELS "functional" TIMEOUT 60)
	endif()
	# Campaigns: check.sh runs a slice of each, scripts/prove.sh the whole.
	file(GLOB files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/prove/*.c")
	foreach(file IN LISTS files)
		get_filename_component(stem "${file}" NAME_WE)
		set(on_disk OFF)
		if(stem MATCHES "^(io|power|mutants|writers)$") # between SQLite and its files
			set(on_disk ON)
		endif()
		if(on_disk AND NOT TARGET sqlite)
			continue()
		endif()
		set(on_server OFF)
		if(stem MATCHES "^(outage|collide)$")
			set(on_server ON)
		endif()
		if(on_server AND NOT TARGET llm_pg)
			continue()
		endif()
		add_executable(prove_${stem} "${file}")
		set_target_properties(prove_${stem} PROPERTIES
			RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
		target_compile_definitions(prove_${stem} PRIVATE
			TEST_SOURCE_DIR="${CMAKE_SOURCE_DIR}" TEST_BINARY_DIR="${CMAKE_BINARY_DIR}")
		if(stem MATCHES "^(alloc|errors|route|fleet)$") # look inside
			target_link_libraries(prove_${stem} PRIVATE llm_support llm_inside)
		else()
			target_link_libraries(prove_${stem} PRIVATE llm_support llm)
		endif()
		if(stem STREQUAL "drip") # beside bare libcurl
			target_link_libraries(prove_${stem} PRIVATE PkgConfig::CURL)
		endif()
		if(on_server)
			target_link_libraries(prove_${stem} PRIVATE llm_pg)
			add_dependencies(prove_${stem} postgres)
		endif()
		if(stem MATCHES "^(budget|share)$" AND TARGET llm_pg AND TARGET postgres)
			target_link_libraries(prove_${stem} PRIVATE llm_pg)
			target_compile_definitions(prove_${stem} PRIVATE TEST_WITH_POSTGRES)
			add_dependencies(prove_${stem} postgres)
		endif()
		if(on_disk)
			target_link_libraries(prove_${stem} PRIVATE llm_vfs)
			add_dependencies(prove_${stem} sqlite)
		endif()
		add_dependencies(prove_${stem} llmsim ollama openai gemini ordered weighted
			least_busy latency cost affinity)
	endforeach()
	foreach(layer base wire conf plugin net run)
		if(TARGET prove_alloc AND NOT LLM_SANITIZE MATCHES "thread")
			add_test(NAME alloc_${layer} COMMAND prove_alloc ${layer})
			set_tests_properties(alloc_${layer} PROPERTIES LABELS "prove" TIMEOUT 300
				WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
		endif()
	endforeach()
	if(TARGET prove_errors AND NOT LLM_SANITIZE AND NOT LLM_COVERAGE)
		add_test(NAME errors_page COMMAND "${CMAKE_SOURCE_DIR}/scripts/gen-errors.sh"
			"${CMAKE_BINARY_DIR}" --check)
		set_tests_properties(errors_page PROPERTIES LABELS "contract" TIMEOUT 60
			WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	endif()
	if(TARGET prove_route AND NOT LLM_SANITIZE MATCHES "thread")
		add_test(NAME plans_slice COMMAND prove_route shuffle 5000)
		add_test(NAME fleet_slice COMMAND prove_fleet 1)
		set_tests_properties(plans_slice fleet_slice PROPERTIES LABELS "prove" TIMEOUT 120
			WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	endif()
	if(TARGET prove_ledger AND TARGET sqlite)
		add_dependencies(prove_ledger sqlite)
		add_dependencies(prove_tax sqlite)
		add_dependencies(prove_store sqlite)
		add_dependencies(prove_share sqlite)
		add_dependencies(prove_cached sqlite)
		if(NOT LLM_SANITIZE)
			add_test(NAME share_slice COMMAND prove_share 5)
			add_test(NAME cached_slice COMMAND prove_cached 20)
			set_tests_properties(share_slice cached_slice PROPERTIES LABELS "prove" TIMEOUT 120
				WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
		endif()
		if(NOT LLM_SANITIZE AND NOT LLM_COVERAGE)
			add_test(NAME ledger_slice COMMAND prove_ledger 5)
			add_dependencies(prove_budget sqlite)
			add_test(NAME budget_race_slice COMMAND prove_budget race 2)
			add_test(NAME budget_kills_slice COMMAND prove_budget kills 4)
			set_tests_properties(ledger_slice budget_race_slice budget_kills_slice PROPERTIES LABELS "prove" TIMEOUT 60
				WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
		endif()
	endif()
	if(TARGET prove_outage AND NOT LLM_SANITIZE AND NOT LLM_COVERAGE) # its limits are times
		add_test(NAME outage_slice COMMAND prove_outage 1 5)
		add_test(NAME collide_slice COMMAND prove_collide 3)
		add_test(NAME machines_keys_slice COMMAND prove_share 5 machines)
		add_test(NAME machines_budget_slice COMMAND prove_budget race 1 machines)
		set_tests_properties(outage_slice collide_slice machines_keys_slice
			machines_budget_slice PROPERTIES LABELS "prove"
			TIMEOUT 120 WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	endif()
	if(TARGET prove_io)
		add_test(NAME io_slice COMMAND prove_io 60)
		add_test(NAME power_slice COMMAND prove_power 40)
		add_test(NAME mutants_slice COMMAND prove_mutants 100)
		add_test(NAME writers_slice COMMAND prove_writers 3 4)
		set_tests_properties(io_slice power_slice mutants_slice writers_slice PROPERTIES
			LABELS "prove" TIMEOUT 120 WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
		add_test(NAME stacked_slice COMMAND prove_io --stacked 100)
		set_tests_properties(stacked_slice PROPERTIES LABELS "prove" TIMEOUT 120
			WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	endif()
	if(TARGET prove_cut)
		add_test(NAME cut_slice COMMAND prove_cut 600)
		set_tests_properties(cut_slice PROPERTIES LABELS "prove" TIMEOUT 120
			WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	endif()
	if(TARGET prove_drip AND NOT LLM_SANITIZE AND NOT LLM_COVERAGE) # compares CPU times
		add_test(NAME drip COMMAND prove_drip)
		set_tests_properties(drip PROPERTIES LABELS "prove" TIMEOUT 120
			WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	endif()
	if(TARGET prove_rescue)
		set(page --against docs/reliability.md)
		if(LLM_SANITIZE OR LLM_COVERAGE) # its times are those of other builds
			set(page)
		endif()
		add_test(NAME reliability_page COMMAND prove_rescue --jobs 1 ${page} 3)
		add_test(NAME rescue_slice COMMAND prove_rescue --jobs 2 12)
		# Frames of 40 MiB have a deadline: nobody else works meanwhile.
		set_tests_properties(reliability_page rescue_slice PROPERTIES LABELS "prove" TIMEOUT 120 RUN_SERIAL ON
			WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
	endif()
	# A second: that it ends at once, on a busy machine and in any build. The 100 ms are for
	# scripts/prove.sh to measure, over many runs.
	set(slice_limit_ms 1000)
	foreach(phase connect tls sending before_first_byte in_stream paused leave_before_headers
		leave_before_token leave_in_stream)
		if(TARGET prove_cancel)
			add_test(NAME cancel_${phase} COMMAND prove_cancel ${phase} 10 ${slice_limit_ms})
			set_tests_properties(cancel_${phase} PROPERTIES LABELS "prove" TIMEOUT 120
				WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
		endif()
	endforeach()
	if(EXISTS "${CMAKE_SOURCE_DIR}/tests/modules/CMakeLists.txt")
		add_subdirectory(tests/modules)
	endif()
	if(EXISTS "${CMAKE_SOURCE_DIR}/tests/abi/CMakeLists.txt")
		add_subdirectory(tests/abi)
	endif()
endif()

file(GLOB fuzz_files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.c")
foreach(file IN LISTS fuzz_files)
	get_filename_component(name "${file}" NAME_WE)
	string(REPLACE "fuzz_" "" corpus "${name}")
	if(LLM_FUZZ)
		add_executable(${name} "${file}")
		target_link_options(${name} PRIVATE -fsanitize=fuzzer)
	else()
		add_executable(${name} "${file}" "${CMAKE_SOURCE_DIR}/tests/support/fuzz_main.c")
		add_test(NAME replay_${corpus} COMMAND ${name} "tests/fuzz/corpus/${corpus}"
			WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
		set_tests_properties(replay_${corpus} PROPERTIES LABELS "fuzz" TIMEOUT 300)
	endif()
	target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/tests")
	target_link_libraries(${name} PRIVATE llm_inside llm_flags PkgConfig::JANSSON)
	if(TARGET llm_kit)
		target_link_libraries(${name} PRIVATE llm_kit)
	endif()
	set_target_properties(${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
endforeach()
