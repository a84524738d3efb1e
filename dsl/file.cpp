#include "dsl/file.h"

#include <fmt/core.h>

#include <array>
#include <fstream>

#include "dsl/lexer.h"
#include "dsl/parser.h"

namespace eligo::dsl {
namespace {

SourcePtr make_source(std::string path, std::string text) {
  return std::make_shared<const Source>(Source{std::move(path), std::move(text)});
}

SourcePtr refused(Code code, std::string message, std::string path, Diagnostics& diagnostics) {
  SourcePtr source = make_source(std::move(path), "");
  diagnostics.error(code, std::move(message), source, {});
  return source;
}

SourcePtr too_large(std::string path, Diagnostics& diagnostics) {
  std::string message = fmt::format("`{}` is larger than 1 MiB", path);
  return refused(Code::E0102, std::move(message), std::move(path), diagnostics);
}

}  // namespace

SourcePtr read_source(const std::string& path, Diagnostics& diagnostics) {
  std::ifstream in(path, std::ios::binary);
  std::string text;
  std::array<char, 16384> part;
  while (in && text.size() <= max_file_bytes) {
    in.read(part.data(), part.size());
    text.append(part.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (text.size() > max_file_bytes) return too_large(path, diagnostics);
  if (!in.eof()) return refused(Code::E0101, fmt::format("`{}` cannot be read", path), path, diagnostics);
  return make_source(path, std::move(text));
}

ParsedFile parse_source(SourcePtr source, Diagnostics& diagnostics) {
  ParsedFile out{std::move(source), {}};
  diagnostics.current = out.source;
  const Tokens tokens = lex(out.source, diagnostics);
  out.file = parse(out.source, tokens, diagnostics);
  return out;
}

ParsedFile parse_text(std::string path, std::string text, Diagnostics& diagnostics) {
  if (text.size() > max_file_bytes) return {too_large(std::move(path), diagnostics), {}};
  return parse_source(make_source(std::move(path), std::move(text)), diagnostics);
}

ParsedFile parse_file(const std::string& path, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.list().size();
  SourcePtr source = read_source(path, diagnostics);
  if (diagnostics.list().size() > before) return {std::move(source), {}};
  return parse_source(std::move(source), diagnostics);
}

}  // namespace eligo::dsl
