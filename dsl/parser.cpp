#include "dsl/parser.h"

#include <fmt/core.h>

#include <array>
#include <utility>

#include "dsl/names.h"
#include "dsl/parse_statement.h"
#include "dsl/token_stream.h"

namespace eligo::dsl {
namespace {

constexpr std::size_t max_errors = 100;  // of one file
constexpr std::size_t max_lines = 2000;  // of one item

constexpr std::array<std::pair<std::string_view, ItemKind>, 6> item_words = {{
    {"cell", ItemKind::cell},
    {"synth", ItemKind::synth},
    {"readout", ItemKind::readout},
    {"rule", ItemKind::rule},
    {"optimiser", ItemKind::optimiser},
    {"optimizer", ItemKind::optimiser},
}};

std::optional<ItemKind> item_kind(const Token& token) {
  if (token.kind != TokenKind::name) return std::nullopt;
  for (const auto& [word, kind] : item_words) {
    if (word == token.text) return kind;
  }
  return std::nullopt;
}

class Parser {
 public:
  Parser(const SourcePtr& source, const Tokens& tokens, Diagnostics& diagnostics)
      : tokens_(source, tokens, diagnostics), layout_(tokens.comments), statements_(tokens_, layout_) {}

  File run() {
    File file;
    while (true) {
      skip_newlines();
      std::vector<Comment> leading = layout_.take_before(tokens_.current());
      if (file.items.empty()) Layout::drop_first_blank(leading);
      if (tokens_.at_end() || too_many()) {
        Layout::drop_last_blank(leading);
        file.closing = std::move(leading);
        return file;
      }
      const std::size_t before = tokens_.position();
      Item item;
      item.leading = std::move(leading);
      try {
        read_item(item);
      } catch (const ParseFailure&) {
        skip_to_item();
      }
      if (!item.name.empty()) file.items.push_back(std::move(item));
      if (tokens_.position() == before) tokens_.take();
    }
  }

 private:
  bool too_many() { return tokens_.diagnostics().list().size() >= max_errors; }
  void skip_newlines() {
    while (tokens_.is(TokenKind::newline) || tokens_.is_symbol(";")) tokens_.take();
  }
  void skip_to_item() {
    while (!tokens_.at_end()) {
      if (tokens_.take().kind == TokenKind::newline && item_kind(tokens_.current())) return;
    }
  }

  void read_item(Item& item) {
    const Token& first = tokens_.current();
    const auto kind = item_kind(first);
    if (!kind) {
      tokens_.fail(Code::E0202,
                   fmt::format("expected `cell`, `synth`, `readout`, `rule` or `optimiser`, found {}", tokens_.found()),
                   first.span, "every equation stands between the braces of one of these");
    }
    tokens_.take();
    item.kind = *kind;
    const Token& name = tokens_.expect_name(fmt::format("the name of the {}", word_of(item.kind)));
    item.name = ascii(name.text);  // as files are named
    item.name_span = name.span;
    if (tokens_.accept("(")) read_header(item);
    while (tokens_.is(TokenKind::newline)) tokens_.take();
    tokens_.expect("{", fmt::format("to open the {}", word_of(item.kind)));
    layout_.passed(tokens_.previous());
    const Token& open = tokens_.previous();
    read_body(item, open);
    item.span = tokens_.from(first);
    layout_.passed(tokens_.previous());
  }

  void read_header(Item& item) {
    if (tokens_.accept(")")) return;
    while (true) {
      item.header.push_back(read_header_entry());
      if (!tokens_.accept(",")) break;
    }
    tokens_.expect(")", "or `,` behind an entry of the header");
  }

  HeaderEntry read_header_entry() {
    HeaderEntry entry;
    const Token& name = tokens_.expect_name("the name of a size or a role");
    entry.name = name.text;
    entry.span = name.span;
    if (tokens_.accept(":")) {
      entry.kind = HeaderEntry::Kind::role;
      const auto role = item_kind(tokens_.current());
      if (!role || *role == ItemKind::rule || *role == ItemKind::optimiser)
        tokens_.unexpected("a role (`cell`, `readout` or `synth`)");
      entry.role = *role;
      tokens_.take();
      if (tokens_.accept_word("over")) {
        tokens_.expect_word("neurons", "behind `over`");
        entry.over = tokens_.expect_name("the name of the neurons' axis").text;
      }
    } else if (tokens_.accept("=")) {
      if (tokens_.accept_word("all")) {
        entry.all = true;
      } else {
        const Token& value = tokens_.current();
        if (value.kind != TokenKind::number || value.text.find_first_not_of("0123456789") != std::string::npos ||
            value.text.size() > 15) {
          tokens_.unexpected("a whole number or `all`");
        }
        entry.value = std::stoll(tokens_.take().text);
      }
    }
    return entry;
  }

  void read_body(Item& item, const Token& open) {
    bool block_open = false;
    while (true) {
      skip_newlines();
      std::vector<Comment> leading = layout_.take_before(tokens_.current());
      if (item.statements.empty()) Layout::drop_first_blank(leading);
      if (tokens_.is_symbol("}")) {
        Layout::drop_last_blank(leading);
        item.closing = std::move(leading);
        tokens_.take();
        return;
      }
      if (too_many()) throw ParseFailure{};
      if (tokens_.at_end()) {
        if (block_open) throw ParseFailure{};  // one brace is missing, and that was said
        tokens_.unclosed(fmt::format("`}}` to close {} `{}`", word_of(item.kind), item.name), open);
      }
      if (item.statements.size() >= max_lines) {
        tokens_.fail(Code::E0204,
                     fmt::format("{} `{}` has more than {} lines", word_of(item.kind), item.name, max_lines),
                     tokens_.current().span);
      }
      auto statement = statements_.read(item.kind, std::move(leading));
      block_open = !statement && tokens_.at_end();
      if (statement) item.statements.push_back(std::move(*statement));
    }
  }

  TokenStream tokens_;
  Layout layout_;
  StatementParser statements_;
};

}  // namespace

File parse(const SourcePtr& source, const Tokens& tokens, Diagnostics& diagnostics) {
  return Parser(source, tokens, diagnostics).run();
}

std::string_view word_of(ItemKind kind) {
  for (const auto& [word, k] : item_words) {
    if (k == kind) return word;
  }
  return "item";
}

}  // namespace eligo::dsl
