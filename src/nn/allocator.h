// The C library's heap, told to keep what it has.
#pragma once

namespace aunet {

/// Keeps large blocks in the heap instead of giving them back to the kernel after each use: a training step
/// asks for the same activations again, and fresh pages cost more than filling them. Call once, before the
/// first step of a process.
void tune_allocator();

}  // namespace aunet
