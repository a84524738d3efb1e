#include "dsl/trivia.h"

namespace eligo::dsl {

std::vector<Comment> Layout::take_before(const Token& next) {
  std::vector<Comment> out;
  for (; next_ < comments_.size() && comments_[next_].begin < next.span.begin; ++next_) {
    if (comments_[next_].line - line_ >= 2) out.push_back({""});
    out.push_back({comments_[next_].text});
    line_ = comments_[next_].line;
  }
  if (next.line - line_ >= 2) out.push_back({""});
  line_ = next.line;
  return out;
}

void Layout::take_inside(std::uint32_t offset, std::vector<Comment>& out) {
  for (; next_ < comments_.size() && comments_[next_].begin < offset; ++next_) out.push_back({comments_[next_].text});
}

std::string Layout::take_behind(const Token& last, const Token& next) {
  if (next_ >= comments_.size()) return "";
  const SourceComment& comment = comments_[next_];
  const bool next_is_far = next.kind == TokenKind::newline || next.line > last.line || next.kind == TokenKind::end;
  if (comment.line != last.line || comment.begin < last.span.end || !next_is_far) return "";
  ++next_;
  return comment.text;
}

void Layout::drop_first_blank(std::vector<Comment>& comments) {
  if (!comments.empty() && comments.front().text.empty()) comments.erase(comments.begin());
}

void Layout::drop_last_blank(std::vector<Comment>& comments) {
  if (!comments.empty() && comments.back().text.empty()) comments.pop_back();
}

}  // namespace eligo::dsl
