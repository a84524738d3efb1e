// Which comment and which blank line belongs to what: kept for `eligo fmt`.
#pragma once

#include <string>
#include <vector>

#include "dsl/ast.h"
#include "dsl/lexer.h"

namespace eligo::dsl {

class Layout {
 public:
  explicit Layout(const std::vector<SourceComment>& comments) : comments_(comments) {}

  // The comments not taken yet that stand before `next`; blank lines (as empty comments) where there were some.
  std::vector<Comment> take_before(const Token& next);
  // The comments inside what ends before `offset`: a comment amid an equation moves above it.
  void take_inside(std::uint32_t offset, std::vector<Comment>& out);
  // The comment behind `last` on its line, if nothing else follows there; "" without.
  std::string take_behind(const Token& last, const Token& next);
  // The reader is behind `token` now: the next blank line is counted from there.
  void passed(const Token& token) { line_ = token.line; }

  static void drop_first_blank(std::vector<Comment>& comments);
  static void drop_last_blank(std::vector<Comment>& comments);

 private:
  const std::vector<SourceComment>& comments_;
  std::size_t next_ = 0;
  int line_ = 0;
};

}  // namespace eligo::dsl
