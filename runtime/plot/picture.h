// The picture of a run: learning curves with axes, ticks and a legend, as SVG and PNG.
#pragma once

#include <string>
#include <vector>

#include "runtime/plot/canvas.h"

namespace eligo {

// One thing compared. With several lines (one a seed) each is drawn faintly and their mean on top.
struct Curve {
  std::string name;
  std::vector<std::vector<Point>> lines;  // in the units of the axes; points that are not finite are left out
};

enum class Scale { automatic, linear, logarithmic };

struct Figure {
  std::string title, x_label, y_label;
  Scale scale =
      Scale::automatic;  // of y; automatic: logarithmic if everything is positive and spans over a factor of 20
  std::vector<Curve> curves;
};

void draw(const Figure& figure, Canvas& canvas, double width, double height);

// Writes both files, each atomically. Throws eligo::Error if they cannot be written.
void write_pictures(const Figure& figure, const std::string& svg_path, const std::string& png_path);

// Values for ticks of an axis: round numbers within the range, about `wanted` of them.
std::vector<double> linear_ticks(double low, double high, int wanted);
std::vector<double> logarithmic_ticks(double low, double high);

}  // namespace eligo
