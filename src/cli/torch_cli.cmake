# aunet-torch, and the build's provenance for it.
add_custom_target(aunet_build_info
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUT=${CMAKE_BINARY_DIR}/generated/build_info.h
          -P ${CMAKE_CURRENT_SOURCE_DIR}/build_info.cmake
  BYPRODUCTS ${CMAKE_BINARY_DIR}/generated/build_info.h)

aunet_torch_room(aunet_torch_verbs device.cpp run_parts.cpp train_run.cpp evaluations.cpp eval.cpp gate.cpp provenance.cpp verify.cpp bench_step.cpp
                 bench_generate.cpp generate.cpp model_flags.cpp run_target.cpp shipped_text.cpp)
target_link_libraries(aunet_torch_verbs PUBLIC aunet_command aunet_train aunet_eval aunet_baselines aunet_sweep)
target_include_directories(aunet_torch_verbs PRIVATE ${CMAKE_BINARY_DIR}/generated)
add_dependencies(aunet_torch_verbs aunet_build_info)

add_executable(aunet-torch torch_main.cpp)
target_link_libraries(aunet-torch PRIVATE aunet_torch_verbs)
