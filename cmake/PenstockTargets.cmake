# One function per kind of target, so that no flag is edited globally.
#
#   penstock_add_library(NAME SOURCES ... [ALONE sources...] [PUBLIC libs...] [PRIVATE libs...])   a stage of the host
#   penstock_add_test(NAME SOURCES ... [LIBRARIES libs...])                     a Catch2 test program
#   penstock_add_fuzzer(NAME SOURCES ... [LIBRARIES libs...])                   a libFuzzer target (clang)

add_library(penstock_build_flags INTERFACE)
target_compile_features(penstock_build_flags INTERFACE cxx_std_20 c_std_11)
target_compile_options(penstock_build_flags INTERFACE
  -Wall -Wextra -Wpedantic $<$<COMPILE_LANGUAGE:CXX>:-Wshadow -Wnon-virtual-dtor>
  $<$<BOOL:${PENSTOCK_WARNINGS_AS_ERRORS}>:-Werror>
  -fvisibility=hidden $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)
target_link_libraries(penstock_build_flags INTERFACE Threads::Threads)

# Sanitizers apply to everything that is linked together, plugins included.
if(PENSTOCK_SANITIZE STREQUAL "address")
  # GCC's maybe-uninitialized sees ghosts in instrumented code; builds without sanitizers keep the warning.
  target_compile_options(penstock_build_flags INTERFACE -fsanitize=address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(penstock_build_flags INTERFACE -fsanitize=address,undefined)
elseif(PENSTOCK_SANITIZE STREQUAL "thread")
  target_compile_options(penstock_build_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(penstock_build_flags INTERFACE -fsanitize=thread)
elseif(NOT PENSTOCK_SANITIZE STREQUAL "")
  message(FATAL_ERROR "PENSTOCK_SANITIZE is \"${PENSTOCK_SANITIZE}\"; it takes address or thread (not both: they exclude each other)")
endif()
if(PENSTOCK_BUILD_FUZZERS)
  target_compile_options(penstock_build_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Several sources of a target as one translation unit: most of what compiling costs here is reading and instantiating
# the same headers. Sources whose anonymous namespaces share names with others of the target are left out: ALONE.
# CMake's own UNITY_BUILD names the sources by absolute paths, so that no compiler cache knows the unit in another checkout.
function(penstock_compile_together name)
  cmake_parse_arguments(arg "" "" "ALONE" ${ARGN})
  if(NOT PENSTOCK_COMPILE_TOGETHER)
    return()
  endif()
  set(most 8) # more make a change of one source costly
  get_target_property(sources ${name} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  list(REMOVE_ITEM sources ${arg_ALONE})
  file(RELATIVE_PATH up ${CMAKE_CURRENT_BINARY_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(unit 0)
  while(sources)
    list(SUBLIST sources 0 ${most} together)
    list(REMOVE_ITEM sources ${together})
    set(content "")
    foreach(source IN LISTS together)
      string(APPEND content "#include \"${up}/${source}\"\n")
    endforeach()
    file(CONFIGURE OUTPUT ${name}_${unit}.cpp CONTENT "${content}" @ONLY)
    target_sources(${name} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${name}_${unit}.cpp)
    set_source_files_properties(${together} PROPERTIES HEADER_FILE_ONLY ON)
    math(EXPR unit "${unit} + 1")
  endwhile()
endfunction()

# Defines the macro as a path, for those sources of the target that name it: the compiler cache knows the others in any
# checkout.
function(penstock_define_path target macro path)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    get_filename_component(file ${source} ABSOLUTE)
    file(STRINGS ${file} uses REGEX "${macro}" LIMIT_COUNT 1)
    if(uses)
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS ${macro}="${path}")
    endif()
  endforeach()
endfunction()

function(penstock_add_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;ALONE;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/host/src)
  target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE} penstock_build_flags)
  penstock_compile_together(${name} ALONE ${arg_ALONE})
endfunction()

function(penstock_add_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} Catch2::Catch2WithMain penstock_build_flags)
  penstock_define_path(${name} PENSTOCK_SOURCE_DIR "${PROJECT_SOURCE_DIR}")
  # A test's own code is not what is to be fast, and to optimise it is half of what compiling it costs.
  target_compile_options(${name} PRIVATE -O0)
  if(PENSTOCK_SANITIZE STREQUAL "address")
    # Undefined behaviour is looked for in what is tested. In the tests' own code it would cost a third of compiling them.
    target_compile_options(${name} PRIVATE -fno-sanitize=undefined)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()

function(penstock_add_fuzzer name)
  if(NOT PENSTOCK_BUILD_FUZZERS)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} penstock_build_flags)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()
