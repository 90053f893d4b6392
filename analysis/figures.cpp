#include "analysis/figures.h"

#include "analysis/frontier.h"
#include "analysis/loss_curve.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <tuple>

namespace aunet {
namespace {

constexpr int kCurveSamples = 80;
constexpr size_t kMaxCurvePoints = 400;                          // of a training curve, in the SVG
constexpr double kParetoRoom = 1.25;                             // left and right of the cells
constexpr std::array<int, 5> kFamilyShapes = {7, 5, 9, 11, 13};  // filled: dot, square, triangles, diamond

const char* const kStyle =
    "set border 3 lc rgb '#444444'\n"
    "set tics nomirror textcolor rgb '#222222'\n"
    "set grid lc rgb '#dddddd' lt 1\n"
    "set offsets 0, 0, graph 0.05, graph 0.05\n"
    "set key outside right top samplen 2 spacing 1.2 textcolor rgb '#222222'\n";

/// A logarithmic axis with room at both ends and labels in plain words: 1, 2, 5 of each decade, decades alone
/// when there are more than three. gnuplot's own labels are one a decade, and a sweep often spans hardly two.
std::string log_axis(char axis, double low, double high, double room = 1.15) {
  low /= room;
  high *= room;
  const bool decades_only = high / low > 1e3;
  std::vector<std::string> tics;
  for (int decade = int(std::floor(std::log10(low))); decade <= int(std::ceil(std::log10(high))); ++decade) {
    for (const int digit : {1, 2, 5}) {
      const double value = digit * std::pow(10.0, decade);
      if ((decades_only && digit != 1) || value < low || value > high) continue;
      const bool plain = decade >= -2 && decade < 4;
      tics.push_back(fmt::format(
          "'{}' {:.9g}", plain ? fmt::format("{:g}", value) : fmt::format("{}e{}", digit, decade), value));
    }
  }
  return fmt::format("set logscale {0} 10\nset {0}range [{1:.9g}:{2:.9g}]\nset {0}tics ({3})\n", axis, low,
                     high, join(tics, ", "));
}

/// A logarithmic axis for ratios near 1.
std::string ratio_axis(double low, double high) {
  low /= 1.08;
  high *= 1.08;
  const std::vector<double> fine = {0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2};
  const std::vector<double> coarse = {0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1,
                                      1.5,  2,    3,    5,   10,  20,  50,  100};
  std::vector<std::string> tics;
  for (const double value : high / low < 2.5 && low > 0.45 && high < 2.3 ? fine : coarse) {
    if (value >= low && value <= high) tics.push_back(fmt::format("'{0:g}' {0:g}", value));
  }
  return fmt::format("set logscale y 10\nset yrange [{:.9g}:{:.9g}]\nset ytics ({})\n", low, high,
                     join(tics, ", "));
}

/// Smallest and largest of a column over several blocks of rows.
struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  void add(double value) {
    if (!(value > 0) || !std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

/// "#RRGGBB" mixed with white: 0 is the colour, 1 is white.
std::string lighter(const std::string& colour, double share) {
  std::string mixed = "#";
  for (int i = 0; i < 3; ++i) {
    const int value = std::stoi(colour.substr(size_t(1 + 2 * i), 2), nullptr, 16);
    mixed += fmt::format("{:02X}", int(std::lround(value + (255 - value) * share)));
  }
  return mixed;
}

std::vector<double> geometric(double low, double high, int n) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(low * std::pow(high / low, i / double(n - 1)));
  return values;
}

}  // namespace

Figure loss_figure(const SweepCells& cells) {
  Figure figure{.name = "loss", .caption = "", .script = ""};
  std::string plot;
  Extent compute;
  for (size_t f = 0; f < cells.families.size(); ++f) {
    const FamilyCells& family = cells.families[f];
    if (family.cells.empty()) continue;
    const std::string colour = family_colour(f);
    std::vector<std::vector<double>> all, best, line;
    for (const SizeCell& cell : family.cells) {
      all.push_back({cell.flops_useful, cell.loss_bpb});
      compute.add(cell.flops_useful);
    }
    std::vector<CurvePointXY> points;
    for (const EnvelopePoint& point : envelope(family, cells.noise)) {
      best.push_back({point.best->flops_useful, point.best->loss_bpb});
      if (!point.at_edge)
        points.push_back({.flops = point.best->flops_useful, .loss = point.best->loss_bpb, .weight = 1});
    }
    const CurveFit fit = fit_curve(points);
    if (fit.refusal.empty()) {
      for (const double c : geometric(points.front().flops, points.back().flops, kCurveSamples))
        line.push_back({c, fit.curve.loss(c)});
    }
    figure.script += gnuplot_data(fmt::format("all{}", f), all) +
                     gnuplot_data(fmt::format("best{}", f), best) +
                     gnuplot_data(fmt::format("line{}", f), line);
    plot += plot.empty() ? "plot " : ", \\\n     ";
    plot += fmt::format(
        "$all{0} with points pt 6 ps 0.6 lc rgb '{1}' title {2}, $best{0} with points pt 7 ps 0.9 lc rgb "
        "'{3}' title {4}",
        f, lighter(colour, 0.35), gnuplot_string(family.name + ", every cell"), colour,
        gnuplot_string(family.name + ", best size"));
    if (!line.empty()) {
      plot += fmt::format(
          ", $line{} with lines lw 2 lc rgb '{}' title {}", f, colour,
          gnuplot_string(fit.floor
                             ? fmt::format("{:.3g} + {:.3g} C^-{:.3f}", fit.curve.E, fit.curve.A, fit.curve.g)
                             : fmt::format("{:.3g} C^-{:.3f}", fit.curve.A, fit.curve.g)));
    }
  }
  if (plot.empty()) return figure;
  figure.script +=
      std::string(kStyle) + log_axis('x', compute.low, compute.high) +
      "set xlabel 'training compute, useful (FLOPs)'\nset ylabel 'held-out loss (bits per byte)'\n" + plot +
      "\n";
  figure.caption =
      "Held-out loss against training compute. Small rings: every size tried; dots: the best size of each "
      "budget; "
      "lines: the curve through the best sizes that are not at the edge of those tried.";
  return figure;
}

Figure isoflop_figure(const SweepCells& cells, size_t index) {
  const FamilyCells& family = cells.families[index];
  Figure figure{.name = fmt::format("isoflop_{}", index), .caption = "", .script = ""};
  const std::vector<IsoflopParabola> parabolas = isoflop_parabolas(family);
  std::string plot;
  Extent sizes;
  for (const SizeCell& cell : family.cells) sizes.add(cell.flops_per_byte);
  for (size_t k = 0; k < parabolas.size(); ++k) {
    std::vector<std::vector<double>> points, line;
    for (const SizeCell* cell : family.at(parabolas[k].budget))
      points.push_back({cell->flops_per_byte, cell->loss_bpb});
    if (parabolas[k].refusal.empty()) {
      for (const double x : geometric(points.front()[0], points.back()[0], kCurveSamples)) {
        const double u = std::log(x);
        line.push_back({x, parabolas[k].a + parabolas[k].b * u + parabolas[k].c * u * u});
      }
    }
    figure.script +=
        gnuplot_data(fmt::format("points{}", k), points) + gnuplot_data(fmt::format("line{}", k), line);
    // Budgets: from light to the family's own colour, and a point shape each, so that grey prints stay
    // readable.
    const double share = parabolas.size() > 1 ? 0.55 * (1 - double(k) / double(parabolas.size() - 1)) : 0;
    const std::string colour = lighter(family_colour(index), share);
    plot += plot.empty() ? "plot " : ", \\\n     ";
    plot += fmt::format("$points{0} with points pt {1} ps 0.9 lc rgb '{2}' title {3}", k, 4 + k % 10, colour,
                        gnuplot_string(human_flops(parabolas[k].budget) + " FLOPs"));
    if (!line.empty()) plot += fmt::format(", $line{} with lines lw 1.5 dt 2 lc rgb '{}' notitle", k, colour);
  }
  if (plot.empty()) return figure;
  figure.script += std::string(kStyle) + log_axis('x', sizes.low, sizes.high) +
                   "set xlabel 'training FLOPs per byte (model size)'\nset ylabel 'held-out loss (bits per "
                   "byte)'\nset title " +
                   gnuplot_string(family.name) + "\n" + plot + "\n";
  figure.caption = fmt::format(
      "{}: sizes at equal budgets. Dashed parabolas are pictures, not estimates: their optimum is biased "
      "even without noise.",
      family.name);
  return figure;
}

Figure training_figure(Db& db, const SweepCells& cells) {
  Figure figure{.name = "training", .caption = "", .script = ""};
  std::string plot;
  Extent compute;
  int n_lines = 0;
  for (size_t f = 0; f < cells.families.size(); ++f) {
    const std::vector<EnvelopePoint> best = envelope(cells.families[f], cells.noise);
    for (size_t k = 0; k < best.size(); ++k) {
      const std::vector<CurvePoint> points = curve(db, best[k].best->rows[0].key);
      const size_t window = std::max<size_t>(1, points.size() / 50),
                   stride = std::max<size_t>(1, points.size() / kMaxCurvePoints);
      std::vector<std::vector<double>> line;
      double sum = 0;
      for (size_t i = 0; i < points.size(); ++i) {
        sum += points[i].loss_bpb - (i >= window ? points[i - window].loss_bpb : 0);
        if (i + 1 >= window && (i % stride == 0 || i + 1 == points.size()))
          line.push_back({points[i].flops_useful, sum / double(window)});
      }
      if (line.empty()) continue;
      for (const auto& row : line) compute.add(row[0]);
      figure.script += gnuplot_data(fmt::format("curve{}", n_lines), line);
      const double share = best.size() > 1 ? 0.5 * (1 - double(k) / double(best.size() - 1)) : 0;
      plot += plot.empty() ? "plot " : ", \\\n     ";
      plot += fmt::format(
          "$curve{} with lines lw 1.5 lc rgb '{}' title {}", n_lines, lighter(family_colour(f), share),
          gnuplot_string(fmt::format("{}, {}", cells.families[f].name, human_flops(best[k].budget))));
      ++n_lines;
    }
  }
  if (plot.empty()) return figure;
  figure.script +=
      std::string(kStyle) + log_axis('x', compute.low, compute.high, 1) +
      "set xlabel 'training compute so far, useful (FLOPs)'\nset ylabel 'training loss (bits per byte)'\n" +
      plot + "\n";
  figure.caption =
      "Training loss of the best run of each budget (key: family, budget), running mean over 1/50 of the "
      "steps. "
      "It is not the held-out loss that the curves are fitted to.";
  return figure;
}

namespace {

/// A front as steps: up to the next cell the loss of the one before is what that cost buys, from the last one
/// on to the edge of the figure.
std::vector<std::vector<double>> steps_of(const ParetoView& view, double right_edge,
                                          const std::function<bool(const ParetoCell&)>& on_front) {
  std::vector<std::vector<double>> points;
  for (const ParetoCell& cell : view.cells)
    if (on_front(cell)) points.push_back({cell.cost, cell.cell->loss_bpb});
  std::sort(points.begin(), points.end());
  if (!points.empty()) points.push_back({right_edge, points.back()[1]});
  return points;
}

/// The joint front of every budget, as thin grey steps with the budget at their right end.
std::string budget_fronts(const ParetoView& view, double right_edge, std::string& plot) {
  std::set<double> budgets;
  for (const ParetoCell& cell : view.cells) budgets.insert(cell.cell->budget);
  if (budgets.size() < 2) return "";
  std::string script;
  int n = 0;
  for (const double budget : budgets) {
    const auto front = steps_of(view, right_edge, [&](const ParetoCell& cell) {
      return cell.cell->budget == budget && cell.at_budget.on_front();
    });
    script += gnuplot_data(fmt::format("budget{}", n), front) +
              fmt::format(
                  "set label {} at {:.9g},{:.9g} offset character 0.3,0 left font ',10' textcolor rgb "
                  "'#666666'\n",
                  gnuplot_string(human_flops(budget)), front.back()[0], front.back()[1]);
    plot += fmt::format("$budget{} with steps lw 1.5 dt 3 lc rgb '#666666' {}, \\\n     ", n,
                        n == 0 ? "title 'of one budget (FLOPs at its end)'" : "notitle");
    ++n;
  }
  return script;
}

}  // namespace

Figure pareto_figure(const SweepCells& cells, const ParetoView& view) {
  Figure figure{.name = "pareto_" + to_string(view.against), .caption = "", .script = "", .height = 480};
  if (view.cells.empty()) return figure;
  Extent cost;
  for (const ParetoCell& cell : view.cells) cost.add(cell.cost);
  const double right_edge = cost.high * kParetoRoom;
  std::string plot = "plot ", script;
  script += gnuplot_data(
      "joint", steps_of(view, right_edge, [](const ParetoCell& cell) { return cell.over_all.on_front(); }));
  plot += "$joint with steps lw 7 lc rgb '#D0D0D0' title 'front of all families', \\\n     ";
  script += budget_fronts(view, right_edge, plot);
  std::vector<std::string> families;
  for (size_t f = 0; f < cells.families.size(); ++f) {
    const std::string& name = cells.families[f].name;
    if (cells.families[f].cells.empty()) continue;
    const auto is_own = [&](const ParetoCell& cell) {
      return cell.family == name && cell.over_all.own_front;
    };
    std::vector<std::vector<double>> on_front, others;
    for (const ParetoCell& cell : view.cells)
      if (cell.family == name) (is_own(cell) ? on_front : others).push_back({cell.cost, cell.cell->loss_bpb});
    script += gnuplot_data(fmt::format("front{}", f), on_front) +
              gnuplot_data(fmt::format("others{}", f), others) +
              gnuplot_data(fmt::format("steps{}", f), steps_of(view, right_edge, is_own));
    if (on_front.empty()) continue;
    const std::string colour = family_colour(f),
                      shape = std::to_string(kFamilyShapes[f % kFamilyShapes.size()]);
    if (!others.empty())
      families.push_back(fmt::format("$others{} with points pt 6 ps 0.8 lc rgb '{}' title {}", f,
                                     lighter(colour, 0.4), gnuplot_string(name + ", dominated")));
    families.push_back(fmt::format("$steps{} with steps lw 1.5 lc rgb '{}' notitle", f, colour));
    families.push_back(fmt::format("$front{} with points pt {} ps 1.1 lc rgb '{}' title {}", f, shape, colour,
                                   gnuplot_string(name + ", its front")));
  }
  figure.script = script + kStyle + "set key outside bottom center horizontal\nset rmargin 9\n" +
                  log_axis('x', cost.low, cost.high, kParetoRoom) +
                  fmt::format("set xlabel {}\nset ylabel 'held-out loss (bits per byte)'\n",
                              gnuplot_string(label_of(view.against))) +
                  plot + join(families, ", \\\n     ") + "\n";
  figure.caption = fmt::format(
      "Held-out bits per byte against {}, every finished cell. Filled: on its family's front over all "
      "budgets; faint "
      "rings: dominated within the family. Grey band: the front of all families; dotted: that of one budget "
      "alone, "
      "the budget at its right end.",
      label_of(view.against));
  return figure;
}

namespace {

size_t colour_of(const SweepCells& cells, const std::string& family) {
  for (size_t f = 0; f < cells.families.size(); ++f) {
    if (cells.families[f].name == family) return f;
  }
  return 0;
}

}  // namespace

Figure multiplier_figure(const SweepCells& cells, const Conclusion& conclusion) {
  const Comparison& c = conclusion.main;
  Figure figure{.name = "multiplier", .caption = "", .script = ""};
  std::vector<std::vector<double>> estimates, bounds;
  for (const MultiplierPoint& point : c.points) {
    if (point.censored == 0)
      estimates.push_back({point.cost, point.multiplier, point.interval.low, point.interval.high});
    else
      bounds.push_back({point.cost, point.multiplier, point.censored > 0 ? 1.0 : -1.0});
  }
  Extent x, y;
  y.add(1);
  y.add(c.mean_interval.low);
  y.add(c.mean_interval.high);
  for (const MultiplierPoint& point : c.points) {
    x.add(point.cost);
    y.add(point.multiplier);
    if (point.censored != 0) continue;
    y.add(point.interval.low);
    y.add(point.interval.high);
  }
  const std::string colour = family_colour(colour_of(cells, c.family_a));
  const std::string unit = c.cost == Cost::Seconds ? "seconds" : "FLOPs, " + to_string(c.cost);
  figure.script = gnuplot_data("estimates", estimates) + gnuplot_data("bounds", bounds) + kStyle +
                  log_axis('x', x.low, x.high, 1.3) + ratio_axis(y.low, y.high) +
                  fmt::format(
                      "set object 1 rectangle from graph 0, first {:.9g} to graph 1, first {:.9g} fc rgb "
                      "'{}' fs solid 0.15 noborder behind\n",
                      c.mean_interval.low, c.mean_interval.high, colour) +
                  fmt::format("set xlabel {}\nset ylabel {}\n",
                              gnuplot_string(fmt::format("{} compute ({})", c.family_a, unit)),
                              gnuplot_string("compute multiplier over " + c.family_b)) +
                  fmt::format(
                      "plot 1 with lines dt 2 lc rgb '#444444' title 'equal compute', \\\n"
                      "     {0:.9g} with lines lw 2 lc rgb '{1}' title 'mean, 95 % (band)'",
                      *c.mean, colour);
  if (!estimates.empty()) {
    figure.script += fmt::format(
        ", \\\n     $estimates with yerrorbars pt 7 ps 0.9 lw 1.5 lc rgb '{}' title 'at a budget, 95 %'",
        colour);
  }
  for (const auto& [sign, shape, words] : {std::tuple{'>', 8, "at least"}, {'<', 10, "at most"}}) {
    const bool any = std::any_of(bounds.begin(), bounds.end(),
                                 [&](const auto& row) { return (row[2] > 0) == (sign == '>'); });
    if (!any) continue;
    figure.script += fmt::format(
        ", \\\n     $bounds using 1:($3 {} 0 ? $2 : NaN) with points pt {} ps 1.4 lc rgb '{}' title '{} "
        "this'",
        sign, shape, colour, words);
  }
  figure.script += "\n";
  figure.caption = fmt::format(
      "How many times {}'s compute {} needs for the same held-out loss. Above 1: {} needs less. "
      "Triangles are bounds: the loss lies outside what {} ran.",
      c.family_a, c.family_b, c.family_a, c.family_b);
  return figure;
}

}  // namespace aunet
