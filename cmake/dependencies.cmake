# The least versions are those of Debian 12; docs/dependencies.md says why each is here.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(LIBCONFIG REQUIRED IMPORTED_TARGET libconfig>=1.5)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
if(LLM_TESTS)
	pkg_check_modules(CRITERION REQUIRED IMPORTED_TARGET criterion>=2.4)
endif()

# Which layer links what: nothing else may include these libraries.
set(LLM_LINK_base PkgConfig::CRYPTO Threads::Threads)
set(LLM_LINK_wire PkgConfig::JANSSON)
set(LLM_LINK_plugin PkgConfig::CRYPTO ${CMAKE_DL_LIBS})
set(LLM_LINK_net PkgConfig::CURL)
set(LLM_LINK_conf PkgConfig::LIBCONFIG)
