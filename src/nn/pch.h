// Precompiled for every torch-side file. Only what nearly all of them need.
#pragma once

#include <ATen/ATen.h>
#include <torch/autograd.h>
#include <torch/nn/module.h>

#include <fmt/format.h>

#include <string>
#include <vector>
