# Imported targets for the torch wheel. find_package(Torch) fails under CMake 3.25.1 with C++20 CUDA and asks for a
# CUDA toolkit even on CPU machines, so the few lines it takes are written here.
if(NOT AUNET_TORCH_DIR)
  message(FATAL_ERROR "AUNET_TORCH_DIR is not set; `make build` sets it, or configure with -DAUNET_TORCH=OFF")
endif()
if(NOT EXISTS ${AUNET_TORCH_DIR}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "AUNET_TORCH_DIR: ${AUNET_TORCH_DIR}/lib/libtorch_cpu.so does not exist")
endif()
get_filename_component(site_packages ${AUNET_TORCH_DIR} DIRECTORY)

add_library(aunet_libtorch INTERFACE)
target_include_directories(aunet_libtorch SYSTEM INTERFACE
  ${AUNET_TORCH_DIR}/include ${AUNET_TORCH_DIR}/include/torch/csrc/api/include)
# The wheel's include folder holds an fmt of its own (12) that no library exports: the torch side uses it header-only.
target_compile_definitions(aunet_libtorch INTERFACE AT_PER_OPERATOR_HEADERS FMT_HEADER_ONLY)
# Without -fopenmp at::parallel_for, an inline function, is silently serial. The runtime is the one torch brings.
target_compile_options(aunet_libtorch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
if(EXISTS ${AUNET_TORCH_DIR}/lib/libgomp.so.1)
  target_link_libraries(aunet_libtorch INTERFACE ${AUNET_TORCH_DIR}/lib/libgomp.so.1)
else()
  target_link_libraries(aunet_libtorch INTERFACE gomp)
endif()
target_link_options(aunet_libtorch INTERFACE
  -Wl,-rpath,${AUNET_TORCH_DIR}/lib -Wl,--allow-shlib-undefined -Wl,--no-as-needed)
# libstdc++ first: libtorch exports a std::filesystem::remove_all that calls a null pointer, and the first library named
# wins. Not libtorch.so: all it does is to load CUDA, 0.5 s and 350 MB a process; cli/device.h loads it when it is asked for.
target_link_libraries(aunet_libtorch INTERFACE
  stdc++ ${AUNET_TORCH_DIR}/lib/libtorch_cpu.so ${AUNET_TORCH_DIR}/lib/libc10.so)

# One precompiled header for the torch side: torch's headers cost 40 s a file without it.
add_library(aunet_torch_pch STATIC ${CMAKE_SOURCE_DIR}/src/nn/pch.cpp)
target_link_libraries(aunet_torch_pch PUBLIC aunet_libtorch aunet_warnings fmt::fmt)
target_precompile_headers(aunet_torch_pch PRIVATE ${CMAKE_SOURCE_DIR}/src/nn/pch.h)

# aunet_torch_room(name sources...): a static library of the torch side that reuses the precompiled header.
function(aunet_torch_room name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC aunet_libtorch aunet_warnings fmt::fmt)
  target_precompile_headers(${name} REUSE_FROM aunet_torch_pch)
endfunction()
