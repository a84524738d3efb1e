
#include "runtime/data/npz_archive.h"
#include "runtime/plot/picture.h"
#include "runtime/plot/stroke_font.h"
#include "support/text_file.h"
#include "temporary.h"
#include <cmath>
#include <cstring>
#include <limits>
#include <png.h>

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
  write_pictures(sample(), folder / "a.svg", folder / "a.png");
  const std::string svg = read_file(folder / "a.svg");
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_MENTIONS(svg, "BP(1) &lt;&amp;&gt;");
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

TEST(Picture, TicksAreRound) {
  EXPECT_EQ(linear_ticks(0, 1, 5), (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  EXPECT_EQ(linear_ticks(-3, 12, 3), (std::vector<double>{0, 5, 10}));
  EXPECT_EQ(logarithmic_ticks(0.5, 30), (std::vector<double>{0.5, 1, 2, 5, 10, 20}));
  EXPECT_EQ(linear_ticks(2, 2, 5), (std::vector<double>{2}));
}

TEST(Picture, EveryPrintableCharacterHasAGlyph) {
  const auto shape = [](const std::string& character) {
    std::vector<int> numbers;
    const Glyph glyph = glyphs_of(character).at(0);
    for (const auto& stroke : glyph.strokes) {
      numbers.push_back(-1);
      for (const auto point : stroke) numbers.insert(numbers.end(), {point.x, point.y});
    }
    return numbers;
  };
  for (char c = '!'; c <= '~'; ++c) {
    EXPECT_EQ(shape(std::string(1, c)) == shape("?"), c == '?') << c;
  }
  EXPECT_EQ(glyphs_of("aλ中").size(), 3U);
  EXPECT_GT(text_width("wide words"), text_width("thin"));
}

}  // namespace
}  // namespace eligo::test
