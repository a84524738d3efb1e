#include "dsl/names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dsl/compose.h"

namespace eligo::dsl {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::array<Pair, 35> greek_words = {{
    {"alpha", "α"}, {"beta", "β"},    {"gamma", "γ"},   {"delta", "δ"},  {"epsilon", "ε"}, {"zeta", "ζ"},
    {"eta", "η"},   {"theta", "θ"},   {"iota", "ι"},    {"kappa", "κ"},  {"lambda", "λ"},  {"mu", "μ"},
    {"nu", "ν"},    {"xi", "ξ"},      {"omicron", "ο"}, {"pi", "π"},     {"rho", "ρ"},     {"sigma", "σ"},
    {"tau", "τ"},   {"upsilon", "υ"}, {"phi", "φ"},     {"chi", "χ"},    {"psi", "ψ"},     {"omega", "ω"},
    {"Gamma", "Γ"}, {"Delta", "Δ"},   {"Theta", "Θ"},   {"Lambda", "Λ"}, {"Xi", "Ξ"},      {"Pi", "Π"},
    {"Sigma", "Σ"}, {"Upsilon", "Υ"}, {"Phi", "Φ"},     {"Psi", "Ψ"},    {"Omega", "Ω"},
}};

// Code points that look like a Greek letter and are none.
constexpr std::array<Pair, 9> look_alikes = {{
    {"µ", "μ"},
    {"ϕ", "φ"},
    {"ϵ", "ε"},
    {"ϑ", "θ"},
    {"ϰ", "κ"},
    {"ϱ", "ρ"},
    {"ϖ", "π"},
    {"∆", "Δ"},
    {"Ω", "Ω"},
}};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::size_t character_length(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return std::min(length, text.size() - at);
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size(); i += out.back().size())
    out.push_back(text.substr(i, character_length(text, i)));
  return out;
}

// Edit distance in characters; a swap of neighbours counts once.
std::size_t distance(std::string_view left, std::string_view right) {
  const auto a = characters(left), b = characters(right);
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      const bool same = a[i - 1] == b[j - 1];
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string canonical(std::string_view given) {
  const std::string name = composed(given);
  std::string folded;
  for (const std::string_view c : characters(name)) {
    const auto found =
        std::find_if(look_alikes.begin(), look_alikes.end(), [&](const Pair& p) { return p.first == c; });
    folded += found == look_alikes.end() ? c : found->second;
  }
  // A Greek word counts where it stands alone between digits, underscores and dots: beta1 is β1, pivot is pivot.
  std::string out;
  for (std::size_t i = 0; i < folded.size();) {
    std::size_t end = i;
    const auto in_word = [&](std::size_t at) { return is_letter(folded[at]) || (folded[at] & 0x80) != 0; };
    while (end < folded.size() && in_word(end)) ++end;
    const std::string_view word = std::string_view(folded).substr(i, end - i);
    const auto found =
        std::find_if(greek_words.begin(), greek_words.end(), [&](const Pair& p) { return p.first == word; });
    out += found == greek_words.end() ? word : found->second;
    if (end == i) out += folded[end++];
    i = end;
  }
  return out;
}

std::string ascii(std::string_view name) {
  std::string out;
  for (const std::string_view c : characters(name)) {
    const auto found =
        std::find_if(greek_words.begin(), greek_words.end(), [&](const Pair& p) { return p.second == c; });
    out += found == greek_words.end() ? c : found->first;
  }
  return out;
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > 64) return "";
  const std::size_t length = characters(name).size();
  const std::size_t allowed = length <= 2 ? 0 : length <= 5 ? 1 : 2;
  std::string best;
  std::size_t best_distance = allowed + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > 64 || candidate == name) continue;
    const std::size_t found = distance(name, candidate);
    if (found < best_distance) {
      best = candidate;
      best_distance = found;
    }
  }
  if (!best.empty()) return best;
  // A short name is near another only if they differ in case.
  const auto lower = [](std::string_view s) {
    std::string out(s);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return out;
  };
  for (const std::string& candidate : candidates) {
    if (candidate != name && lower(candidate) == lower(name)) return candidate;
  }
  return "";
}

}  // namespace eligo::dsl
