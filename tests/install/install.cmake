# Run by ctest. Variables: BUILD, EXAMPLE, WORK, GENERATOR, COMPILER, LAUNCHER, SANITIZE, TYPE.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${ARGN}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(ENV{ELIGO_CACHE} ${WORK}/cache)
set(flags "")
if(SANITIZE STREQUAL "address")
  set(flags "-fsanitize=address,undefined")
elseif(SANITIZE STREQUAL "thread")
  set(flags "-fsanitize=thread")
endif()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
foreach(path bin/eligo include/eligo/runtime/eligo.h share/eligo/rules/bptt.eli share/eligo/rules/cells/lstm.eli
             share/eligo/rules/experiments/quick_start.toml share/eligo/rules/tour/01_first_rule.eli)
  if(NOT EXISTS ${WORK}/prefix/${path})
    message(FATAL_ERROR "${path} was not installed")
  endif()
endforeach()

# The installed command finds the installed library, not the source's.
run(${CMAKE_COMMAND} -E chdir ${WORK} ${WORK}/prefix/bin/eligo list rules --paths)
if(NOT output MATCHES "${WORK}/prefix/share/eligo/rules/bptt.eli")
  message(FATAL_ERROR "the installed command lists other rules:\n${output}")
endif()

run(${CMAKE_COMMAND} -S ${EXAMPLE} -B ${WORK}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
  -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_BUILD_TYPE=${TYPE}
  -DCMAKE_CXX_FLAGS=${flags})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${CMAKE_COMMAND} -E chdir ${WORK} ${WORK}/build/first_rule ${EXAMPLE}/leaky.eli)
message(STATUS "${output}")
if(NOT output MATCHES "less than a tenth after 200 sequences")
  message(FATAL_ERROR "the example printed:\n${output}")
endif()
run(${CMAKE_COMMAND} -E chdir ${WORK} ${WORK}/build/closed_loop)
message(STATUS "${output}")
if(NOT output MATCHES "less than a fifth")
  message(FATAL_ERROR "the closed loop printed:\n${output}")
endif()
