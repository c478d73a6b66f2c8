# penstock_add_plugin(NAME SOURCES file... MANIFEST file [LIBRARIES target...])
#
# Builds the plugin NAME from its sources: the module NAME.so, and beside it the manifest as NAME.yaml, in
# ${CMAKE_BINARY_DIR}/plugins; `install` puts both into lib/penstock/plugins.
# - The module exports the hooks that the manifest names, and nothing else.
# - Symbols of static libraries stay inside; every symbol is resolved when the module is linked, and again when it is loaded.
# - The manifest is checked by `penstock plugin describe` wherever a penstock can be run.
# - The target NAME_objects holds the objects alone: a unit test that links it can call the hooks directly.
#
# Works in Penstock's own tree and after find_package(penstock).

set(PENSTOCK_PLUGIN_DIR ${CMAKE_BINARY_DIR}/plugins)

# Sets `result` to the symbols in the manifest's `hooks:`, in flow ({init: a, ...}) or block style.
function(penstock_read_hooks manifest result)
  file(READ ${manifest} text)
  string(REGEX REPLACE "#[^\n]*" "" text "${text}")
  # From the key to the next line that begins a key of the top level.
  if(NOT "\n${text}\n" MATCHES "\nhooks:([^\n]*(\n[ \t}][^\n]*|\n)*)")
    message(FATAL_ERROR "${manifest}: no `hooks:` at the top level; it names the functions that the plugin exports")
  endif()
  set(block "${CMAKE_MATCH_1}")
  set(hooks "")
  foreach(hook init settings mapping send check query)
    if("${block}" MATCHES "[{,\n \t]${hook}:[ \t]*[\"']?([A-Za-z_][A-Za-z0-9_]*)")
      list(APPEND hooks ${CMAKE_MATCH_1})
    elseif(NOT hook MATCHES "^(check|query)$")
      message(FATAL_ERROR "${manifest}: `hooks:` does not name the function for ${hook}")
    endif()
  endforeach()
  set(${result} ${hooks} PARENT_SCOPE)
endfunction()

function(penstock_add_plugin name)
  cmake_parse_arguments(arg "" "MANIFEST" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT arg_SOURCES OR NOT arg_MANIFEST OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "penstock_add_plugin(${name} SOURCES file... MANIFEST file [LIBRARIES target...])")
  endif()
  get_filename_component(manifest ${arg_MANIFEST} ABSOLUTE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})
  penstock_read_hooks(${manifest} hooks)

  add_library(${name}_objects OBJECT ${arg_SOURCES})
  set_target_properties(${name}_objects PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_link_libraries(${name}_objects PUBLIC penstock::plugin_api ${arg_LIBRARIES})
  if(TARGET penstock_build_flags)
    target_link_libraries(${name}_objects PRIVATE penstock_build_flags)
  else()
    target_compile_features(${name}_objects PRIVATE c_std_99 cxx_std_17)
  endif()

  list(JOIN hooks "; " hook_lines)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${name}.version)
  file(CONFIGURE OUTPUT ${script} CONTENT "{ global: ${hook_lines}; local: *; };\n" @ONLY)

  add_library(${name} MODULE)
  target_link_libraries(${name} PRIVATE ${name}_objects)
  if(TARGET penstock_build_flags)
    target_link_libraries(${name} PRIVATE penstock_build_flags)
  endif()
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" LIBRARY_OUTPUT_DIRECTORY ${PENSTOCK_PLUGIN_DIR} LINK_DEPENDS ${script})
  target_link_options(${name} PRIVATE
    LINKER:--version-script=${script} LINKER:--exclude-libs,ALL LINKER:-z,now)
  # A sanitizer's functions are resolved in the program that loads the module.
  if(NOT "${PENSTOCK_SANITIZE} ${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "address|thread|-fsanitize")
    target_link_options(${name} PRIVATE LINKER:-z,defs)
  endif()

  set(copy ${PENSTOCK_PLUGIN_DIR}/${name}.yaml)
  add_custom_command(OUTPUT ${copy}
    COMMAND ${CMAKE_COMMAND} -E copy ${manifest} ${copy}
    DEPENDS ${manifest} VERBATIM)
  add_custom_target(${name}_manifest ALL DEPENDS ${copy})
  add_dependencies(${name} ${name}_manifest)

  install(TARGETS ${name} LIBRARY DESTINATION lib/penstock/plugins)
  install(FILES ${manifest} DESTINATION lib/penstock/plugins RENAME ${name}.yaml)
  # Later, because in Penstock's own tree the program may be defined after the plugins.
  cmake_language(EVAL CODE "cmake_language(DEFER DIRECTORY [[${CMAKE_SOURCE_DIR}]] CALL penstock_check_manifest [[${name}]])")
endfunction()

# A target that fails when the manifest of the plugin `name` is not what penstock accepts.
function(penstock_check_manifest name)
  if(TARGET penstock)
    set(program $<TARGET_FILE:penstock>)
    set(dependency penstock)
  elseif(PENSTOCK_EXECUTABLE)
    set(program ${PENSTOCK_EXECUTABLE})
    set(dependency "")
  else()
    return()
  endif()
  set(stamp ${CMAKE_BINARY_DIR}/CMakeFiles/${name}_manifest.stamp)
  add_custom_command(OUTPUT ${stamp}
    COMMAND ${program} plugin describe ${name} --plugin-dir ${PENSTOCK_PLUGIN_DIR} --format json > ${stamp}.json
    COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
    DEPENDS ${name} ${PENSTOCK_PLUGIN_DIR}/${name}.yaml ${dependency}
    COMMENT "Checking the manifest of ${name}" VERBATIM)
  add_custom_target(${name}_manifest_checked ALL DEPENDS ${stamp})
endfunction()
