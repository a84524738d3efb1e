// The lines of an item: declarations, equations, learn lines and blocks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dsl/ast.h"
#include "dsl/token_stream.h"
#include "dsl/trivia.h"

namespace eligo::dsl {

// The words that open a line; elsewhere they are ordinary names.
const std::vector<std::string>& statement_words();
std::string_view word_of(StatementKind kind);

class StatementParser {
 public:
  StatementParser(TokenStream& tokens, Layout& layout) : tokens_(tokens), layout_(layout) {}

  // Reads one line of an item, or a block with its lines; nullopt if it had a fault, which is reported and skipped.
  std::optional<Statement> read(ItemKind item, std::vector<Comment> leading);

 private:
  void read_line(Statement& s);
  void declarations(Statement& s, StatementKind kind);
  Declaration declaration(StatementKind kind);
  bool initialiser(Declaration& d);
  void axis(Statement& s);
  void let(Statement& s);
  void window(Statement& s);
  void output(Statement& s);
  void learn(Statement& s);
  void learn_clauses(Statement& s);
  void at_each(Statement& s);
  void per_neuron(Statement& s);
  void body(Statement& s);
  void equation(Statement& s);
  void left_side(Statement& s);
  void end_line(Statement& s);
  void skip_line();
  std::string path(std::string_view what);

  TokenStream& tokens_;
  Layout& layout_;
  ItemKind item_ = ItemKind::rule;
  bool in_block_ = false;
};

}  // namespace eligo::dsl
