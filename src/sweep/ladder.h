// The absolute ladder of model sizes: which sizes exist depends on nothing but the family, so that grids
// nest. Which of them a budget uses is decided in sweep/sizing.h.
#pragma once

#include <cstdint>
#include <vector>

#include "config/sweep_spec.h"

namespace aunet {

/// `width` on the ladder's grid, nearest (ties up), at least 8: steps of 8 below 64, 16 below 128, 32 below
/// 512, 64 above (DESIGN section 5: widths in steps of 64 or 32; finer below, where runs on a CPU live).
int64_t snap_width(double width);

/// `width` times `factor`, to the nearest multiple of 8: the byte stage where tuning moves it.
int64_t scaled_byte_width(int64_t width, double factor);

/// Blocks between input and output of a model whose word-level width is `width`: round(2 + width / 104).
///
/// Source   least squares over the 24 published one-trunk rows (paper.md 2.4: AU-Net 2 trunks and BPE), with
/// the
///          intercept held at 2: the depth measured as good at width 32 and 1e11 FLOPs (DESIGN section 4)
int64_t ladder_depth(int64_t width);

/// Width of an attention head: the largest of 128 (not at the byte stage), 64, 32, 16, 8 that divides `width`
/// and leaves at least two heads; 8 when none does. Source: 64 at bytes and 128 deeper (paper.md 1.1).
int64_t ladder_head_dim(int64_t width, bool byte_stage);

/// Widths per stage for a word-level (stage 2) width d: bytes, d, 1.5 d, 2.25 d ... (paper.md 1.1).
/// Bytes: d / 2 up to d = 512, then 256, from d = 1024 on d / 4 in steps of 64. The paper has d / 4
/// throughout; small models want a wide byte stage (32,64 is good at 1e11 FLOPs, DESIGN section 4).
/// One stage: just d.
std::vector<int64_t> ladder_dims(int64_t width, int64_t stages);

/// Blocks per stage. Outside the trunk: 1 below width 192, 2 below 512, 3 from there (the paper's 3). Trunk:
/// what is left of ladder_depth(width) after the encoder and decoder blocks of the inner stages, at least 2:
/// the paper's 3- and 4-stage rows follow it within 3 blocks in 12 of 14.
std::vector<int64_t> ladder_layers(int64_t width, int64_t stages);

/// The family's model with these widths and layers (one entry per stage), what the file left open filled in:
/// head_dims by ladder_head_dim; windows 512 at bytes and 4096 deeper (paper.md 1.2), none for a transformer;
/// residuals on; no caps; multiple_of 256 (paper) from width 1024 on and 32 below, where 256 would make the
/// feed-forward most of the model. Stage 1 is FamilySpec::byte_width times as wide as dims says. Throws
/// ConfigError naming the family when lists do not fit.
ModelConfig sized_model(const FamilySpec& family, const SweepSpec& spec, const std::vector<int64_t>& dims,
                        const std::vector<int64_t>& layers, const std::vector<int64_t>& head_dims = {});

/// Every size of the family, ascending in width, from word-level width 8 to 8192. A width whose successor
/// has other layers comes with those too, so that neighbours stay close in FLOPs (within a factor of 1.9 from
/// width 64 on). Widths that a given head_dim does not divide are left out.
std::vector<ModelConfig> ladder(const FamilySpec& family, const SweepSpec& spec);

}  // namespace aunet
