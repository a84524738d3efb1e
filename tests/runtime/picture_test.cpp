
#include "runtime/data/npz_archive.h"
#include "runtime/plot/picture.h"
#include "support/text_file.h"
#include "temporary.h"
#include <cmath>
#include <cstring>
#include <limits>
#include <png.h>
#include <set>

namespace eligo::test {
namespace {

Figure sample() {
  Figure figure{"title", "batches", "loss"};
  for (int c = 0; c < 3; ++c) {
    Curve curve{"BP(" + std::to_string(c) + ") <&>"};
    for (int s = 0; s < 2; ++s) {
      std::vector<Point> line;
      for (int i = 0; i < 50; ++i) line.push_back({static_cast<double>(i), std::exp(-0.1 * i * c) + 0.01 * s});
      curve.lines.push_back(line);
    }
    figure.curves.push_back(curve);
  }
  return figure;
}

struct Pixels {
  std::size_t width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
};

Pixels decode(const std::string& bytes) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()), 0);
  image.format = PNG_FORMAT_RGB;
  Pixels pixels{image.width, image.height, std::vector<std::uint8_t>(PNG_IMAGE_SIZE(image))};
  EXPECT_NE(png_image_finish_read(&image, nullptr, pixels.rgb.data(), 0, nullptr), 0);
  return pixels;
}

TEST(Picture, BothFilesAreWhatTheySay) {
  const TemporaryFolder folder;
  write_pictures({sample()}, folder / "a.svg", folder / "a.png");
  const std::string svg = read_file(folder / "a.svg");
  EXPECT_MENTIONS(svg, "<svg xmlns");
  EXPECT_EQ(svg.find("<text"), std::string::npos);  // letters are outlines: no viewer needs the font
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_MENTIONS(svg, "\nBP(1) &lt;&amp;&gt;\n");  // in the description
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  const Pixels pixels = decode(read_file(folder / "a.png"));
  std::size_t blue = 0, dark = 0;
  for (std::size_t i = 0; i < pixels.rgb.size(); i += 3) {
    const int r = pixels.rgb[i], g = pixels.rgb[i + 1], b = pixels.rgb[i + 2];
    if (r < 60 && b > 150) ++blue;
    if (r < 80 && g < 80 && b < 80) ++dark;
  }
  EXPECT_GT(blue, 500U);   // the first curve
  EXPECT_GT(dark, 2000U);  // words and axes
}

TEST(Picture, OddDataAreDrawnWithoutHarm) {
  const double nan = std::nan(""), infinite = std::numeric_limits<double>::infinity();
  for (const std::vector<Point>& line : std::vector<std::vector<Point>>{
           {}, {{1, 1}}, {{1, nan}, {2, infinite}}, {{1, 0}, {2, 0}}, {{1, -5}, {2, 1e30}}, {{3, 1e-30}, {3, 1e30}}}) {
    Figure figure{"", "", "", Scale::automatic, {{"x", {line}}}};
    for (const Scale scale : {Scale::automatic, Scale::linear, Scale::logarithmic}) {
      figure.scale = scale;
      const auto svg = svg_canvas(300, 200);
      draw(figure, *svg, 300, 200);
      EXPECT_EQ(svg->bytes().find("nan"), std::string::npos);
      EXPECT_EQ(svg->bytes().find("inf"), std::string::npos);
      const auto png = png_canvas(300, 200, 1);
      draw(figure, *png, 300, 200);
      EXPECT_EQ(decode(png->bytes()).width, 300U);
    }
  }
  const auto none = svg_canvas(300, 200);
  draw({"empty", "x", "y"}, *none, 300, 200);
}

double distance(Colour a, Colour b) { return std::hypot(a.red - b.red, a.green - b.green, a.blue - b.blue); }

TEST(Picture, NoTwoOfFortyCurvesAreDrawnAlike) {
  for (std::size_t i = 0; i < 40; ++i) {
    const Pen a = curve_pen(i);
    EXPECT_LT(0.2 * a.colour.red + 0.7 * a.colour.green + 0.1 * a.colour.blue, 0.6) << i;  // words on white
    for (std::size_t k = 0; k < i; ++k) {
      const Pen b = curve_pen(k);
      const double apart = distance(a.colour, b.colour);
      EXPECT_TRUE(apart > 0.2 || (i >= 10 && a.dash != b.dash)) << k << ' ' << i;
    }
  }
}

TEST(Picture, LabelsStandWhereTheirCurvesEnd) {
  EXPECT_EQ(spread_out({10, 50, 30}, 5, 0, 100), (std::vector<double>{10, 50, 30}));
  EXPECT_EQ(spread_out({50, 50, 50}, 10, 0, 100), (std::vector<double>{40, 50, 60}));
  EXPECT_EQ(spread_out({99, 98}, 10, 0, 100), (std::vector<double>{100, 90}));
  EXPECT_EQ(spread_out({1, 2, 30}, 10, 0, 100), (std::vector<double>{0, 10, 30}));
  EXPECT_EQ(spread_out({}, 10, 0, 100), std::vector<double>{});
  std::vector<double> many;
  for (int i = 0; i < 30; ++i) many.push_back(i * 37 % 100);
  auto places = spread_out(many, 4, 0, 200);
  std::sort(places.begin(), places.end());
  for (std::size_t i = 1; i < places.size(); ++i) EXPECT_GE(places[i] - places[i - 1], 4 - 1e-9);
  EXPECT_GE(places.front(), 0);
  EXPECT_LE(places.back(), 200);
}

// How many of the pixels right of the axes are of about this colour.
std::size_t pixels_of(const Pixels& pixels, Colour colour) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < pixels.rgb.size(); i += 3) {
    const Colour here{pixels.rgb[i] / 255.0, pixels.rgb[i + 1] / 255.0, pixels.rgb[i + 2] / 255.0};
    if (distance(here, colour) < 0.05) ++count;
  }
  return count;
}

TEST(Picture, TenCurvesHaveTenColoursAndTheirNamesBesideThem) {
  Figure figure{"ten", "batches", "loss"};
  for (int c = 0; c < 10; ++c) figure.curves.push_back({"curve " + std::to_string(c), {{{0, 1.0 + c}, {9, 2.0 + c}}}});
  const auto png = png_canvas(700, 500, 2);
  draw(figure, *png, 700, 500);
  const Pixels pixels = decode(png->bytes());
  for (std::size_t i = 0; i < 10; ++i) EXPECT_GT(pixels_of(pixels, curve_pen(i).colour), 400U) << i;
  const auto svg = svg_canvas(700, 500);
  draw(figure, *svg, 700, 500);
  for (int c = 0; c < 10; ++c) EXPECT_MENTIONS(svg->bytes(), "\ncurve " + std::to_string(c) + "\n");
  EXPECT_MENTIONS(svg->bytes(), "stroke-dasharray:7,4");
}

TEST(Picture, SeedsAreABandOfTheirStandardError) {
  Figure figure{"", "", "", Scale::linear, {{"x", {{{0, 0}, {10, 0}}, {{0, 4}, {10, 4}}}}}};
  const auto svg = svg_canvas(500, 400);
  draw(figure, *svg, 500, 400);
  const std::string text = svg->bytes();
  EXPECT_MENTIONS(text, "fill-opacity:0.18");  // 2 ± 2 of a range of 0..4 and 4 % of room: all but that
  EXPECT_MENTIONS(text, "mean of 2 seeds ± its standard error");
  const auto png = png_canvas(500, 400, 1);
  draw(figure, *png, 500, 400);
  const Colour c = curve_pen(0).colour;
  const auto tinted = [](double v) { return 1 - 0.18 * (1 - v); };
  EXPECT_GT(pixels_of(decode(png->bytes()), {tinted(c.red), tinted(c.green), tinted(c.blue)}), 50000U);
  figure.curves[0].lines[1].pop_back();  // one seed goes on alone, faintly
  const auto longer = svg_canvas(500, 400);
  draw(figure, *longer, 500, 400);
  const std::string alone = longer->bytes();
  EXPECT_EQ(alone.find("fill-opacity:0.18"), std::string::npos);
  EXPECT_MENTIONS(alone, "stroke-opacity:0.45");
}

TEST(Picture, LossesOfManySizesHaveALogarithmicAxis) {
  const auto axis_of = [](std::vector<Point> line) {
    const auto svg = svg_canvas(500, 400);
    draw({"", "", "", Scale::automatic, {{"x", {std::move(line)}}}}, *svg, 500, 400);
    return svg->bytes();
  };
  EXPECT_MENTIONS(axis_of({{0, 1}, {1, 1e-8}, {2, 0}}), "\n1e-07\n");  // also with a loss of zero
  EXPECT_EQ(axis_of({{0, 1}, {1, 0.5}}).find("\n0.1\n"), std::string::npos);
  EXPECT_MENTIONS(axis_of({{0, 100}, {1, -1}}), "\n0\n");
}

TEST(Picture, LongNamesAreCut) {
  const auto svg = svg_canvas(900, 500);
  draw({"", "", "", Scale::linear, {{std::string(300, 'w') + "λ", {{{0, 1}, {1, 2}}}}}}, *svg, 900, 500);
  const std::string text = svg->bytes();
  EXPECT_MENTIONS(text, "w…\n");
  EXPECT_EQ(text.find(std::string(60, 'w')), std::string::npos);
}

TEST(Picture, DashesHaveGaps) {
  const auto covered = [](std::vector<double> dash) {
    const auto png = png_canvas(200, 20, 1);
    png->line({{0, 10}, {100, 10}, {200, 10}}, {{0, 0, 0}, 2, 1, std::move(dash)});
    return pixels_of(decode(png->bytes()), {0, 0, 0});
  };
  EXPECT_NEAR(static_cast<double>(covered({10, 10})), static_cast<double>(covered({})) / 2, 60);
}

TEST(Picture, TicksAreRound) {
  EXPECT_EQ(linear_ticks(0, 1, 5), (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  EXPECT_EQ(linear_ticks(-3, 12, 3), (std::vector<double>{0, 5, 10}));
  EXPECT_EQ(logarithmic_ticks(0.5, 30), (std::vector<double>{0.5, 1, 2, 5, 10, 20}));
  EXPECT_EQ(linear_ticks(2, 2, 5), (std::vector<double>{2}));
  // Values that differ in their last bits: steps between them would be lost in the values' own rounding.
  EXPECT_EQ(linear_ticks(1 - 2e-16, 1, 5).size(), 1);
}

std::vector<std::uint8_t> pixels_of_word(const std::string& word) {
  const auto png = png_canvas(40, 24, 1);
  png->text({8, 16}, word, 14, Anchor::start);
  return decode(png->bytes()).rgb;
}

TEST(Picture, EveryPrintableCharacterHasAGlyph) {
  const std::vector<std::uint8_t> nothing = pixels_of_word(""), missing = pixels_of_word("\U000F0000");
  std::set<std::vector<std::uint8_t>> seen = {nothing, missing};
  for (char c = '!'; c <= '~'; ++c) EXPECT_TRUE(seen.insert(pixels_of_word(std::string(1, c))).second) << c;
  for (const char* c : {"λ", "ψ", "θ", "Σ", "±", "…", "²", "·", "∂", "δ", "γ", "ü"})
    EXPECT_TRUE(seen.insert(pixels_of_word(c)).second) << c;
}

TEST(Picture, WidthsAreThoseOfTheLetters) {
  EXPECT_GT(text_width("wide words"), text_width("thin"));
  EXPECT_EQ(text_width(""), 0);
  EXPECT_NEAR(text_width("ab") + text_width("cd"), text_width("abcd"), 1e-6);
}

TEST(Picture, WordsMayBeAnyBytes) {
  for (const std::string& words : {std::string("\xFF\xFEname"), std::string("a\0b\nc\x1B[31m", 9), std::string("\xEF\xBF\xBF")}) {
    const auto svg = svg_canvas(100, 50), png = png_canvas(100, 50, 1);
    for (Canvas* canvas : {svg.get(), png.get()}) {
      canvas->text({5, 20}, words, 12, Anchor::middle);
      canvas->text({5, 40}, "behind it", 12, Anchor::start);
    }
    EXPECT_MENTIONS(svg->bytes(), "behind it");
    EXPECT_EQ(decode(png->bytes()).width, 100U);
  }
}

TEST(Picture, TheSamePictureIsTheSameFile) {
  const auto drawn = [] {
    const auto svg = svg_canvas(500, 400);
    draw(sample(), *svg, 500, 400);
    return svg->bytes();
  };
  EXPECT_EQ(drawn(), drawn());
}

TEST(Picture, ASingleEpochIsADot) {
  const auto png = png_canvas(40, 40, 1);
  png->line({{20, 20}}, {{0, 0, 0}, 3});
  EXPECT_GT(pixels_of(decode(png->bytes()), {0, 0, 0}), 10U);
}

TEST(Picture, WhatNoImageCanHoldIsDrawnSmaller) {
  const auto png = png_canvas(60000, 10, 2);
  EXPECT_EQ(decode(png->bytes()).width, 32000U);
}

}  // namespace
}  // namespace eligo::test
