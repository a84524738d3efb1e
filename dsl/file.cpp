#include "dsl/file.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "dsl/lexer.h"
#include "dsl/parser.h"

namespace eligo::dsl {
namespace {

SourcePtr make_source(std::string path, std::string text) {
  return std::make_shared<const Source>(Source{std::move(path), std::move(text)});
}

ParsedFile refused(Code code, std::string message, std::string path, Diagnostics& diagnostics) {
  ParsedFile out{make_source(std::move(path), ""), {}};
  diagnostics.error(code, std::move(message), out.source, {});
  return out;
}

ParsedFile too_large(std::string path, Diagnostics& diagnostics) {
  std::string message = fmt::format("`{}` is larger than 1 MiB", path);
  return refused(Code::E0102, std::move(message), std::move(path), diagnostics);
}

}  // namespace

ParsedFile parse_text(std::string path, std::string text, Diagnostics& diagnostics) {
  if (text.size() > max_file_bytes) return too_large(std::move(path), diagnostics);
  ParsedFile out{make_source(std::move(path), std::move(text)), {}};
  diagnostics.current = out.source;
  const Tokens tokens = lex(out.source, diagnostics);
  out.file = parse(out.source, tokens, diagnostics);
  return out;
}

ParsedFile parse_file(const std::string& path, Diagnostics& diagnostics) {
  std::ifstream in(path, std::ios::binary);
  std::string text(max_file_bytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.eof()) {
    if (in) return too_large(path, diagnostics);
    return refused(Code::E0101, fmt::format("`{}` cannot be read", path), path, diagnostics);
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_text(path, std::move(text), diagnostics);
}

}  // namespace eligo::dsl
