// Words for people: numbers with units, and the nearest legal name for a misspelt one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

std::string human_count(double n);        ///< 98.6M, 1.32B; three digits
std::string human_bytes(double n_bytes);  ///< 512 B, 3.4 MB (powers of 1000)
std::string human_flops(
    double flops);  ///< 4.00e+11 style, shortest that keeps three digits: "4e11", "2.38e10"
std::string human_duration(double seconds);  ///< 0.4 s, 12 s, 3 min 20 s, 5 h 12 min, 3 d 4 h

/// The candidate with the smallest edit distance to `name`, or "" when none is within max(2, a third of the
/// length).
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string> split_on(std::string_view text, char separator);  ///< keeps empty parts
std::string_view trim(std::string_view text);  ///< ASCII white space off both ends

/// A word for /bin/sh that means `text`, whatever it holds.
std::string shell_quoted(const std::string& text);

}  // namespace aunet
