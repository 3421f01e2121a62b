# What a person asks a build tree to do: cmake --build --preset dev --target check
add_custom_target(format-check COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-format.sh VERBATIM)
add_custom_target(layer-check COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-layers.sh VERBATIM)
add_custom_target(size COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-size.sh VERBATIM)
add_custom_target(tidy COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-tidy.sh "${CMAKE_BINARY_DIR}"
	VERBATIM)
add_custom_target(abi COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-abi.sh "${CMAKE_BINARY_DIR}"
	VERBATIM)
add_custom_target(abi-accept COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-abi.sh
	"${CMAKE_BINARY_DIR}" --accept VERBATIM)
add_custom_target(cover COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-cover.sh "${CMAKE_BINARY_DIR}"
	VERBATIM)
add_custom_target(fuzz COMMAND ${CMAKE_SOURCE_DIR}/scripts/fuzz.sh "${CMAKE_BINARY_DIR}" VERBATIM)
if(LLM_TESTS)
	add_custom_target(check
		COMMAND ${CMAKE_CTEST_COMMAND} --output-on-failure -j2 -L "unit|contract"
		DEPENDS format-check layer-check)
	add_custom_target(check-all
		COMMAND ${CMAKE_CTEST_COMMAND} --output-on-failure -LE "unit|contract"
		DEPENDS check)
	add_custom_target(fuzz-replay COMMAND ${CMAKE_CTEST_COMMAND} --output-on-failure -L fuzz)
endif()
