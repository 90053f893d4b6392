// Figures through gnuplot, run as a subprocess. A figure is its script: data inside, terminal outside.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace aunet {

struct Figure {
  std::string name;               // file stem and prefix of the ids inside the SVG: [a-z_]+
  std::string caption;            // what it shows, with its caveats
  std::string script;             // gnuplot commands without terminal and output
  int width = 760, height = 430;  // pixels
};

/// Is there a gnuplot on PATH?
bool have_gnuplot();
/// The figure as a free-standing SVG. Throws Error with gnuplot's words when it fails.
std::string render_svg(const Figure& figure);

/// `text` as a gnuplot string constant.
std::string gnuplot_string(const std::string& text);
/// "$NAME << EOD ... EOD" of rows of numbers; NaN is written as gnuplot's missing value.
std::string gnuplot_data(const std::string& name, const std::vector<std::vector<double>>& rows);

/// Okabe and Ito's colours, which readers with colour-blindness can tell apart; the i-th family has the i-th
/// everywhere.
std::string family_colour(size_t index);

}  // namespace aunet
