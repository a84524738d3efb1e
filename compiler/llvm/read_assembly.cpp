#include "compiler/llvm/read_assembly.h"

#include <algorithm>
#include <initializer_list>
#include <sstream>
#include <string_view>

namespace eligo::compiler {
namespace {

// The name of the basic block that the comment of a label gives, or "".
std::string block_name(std::string_view line, std::string_view comment) {
  const std::size_t after = line.find(':');
  if (after == std::string_view::npos) return "";
  std::size_t at = line.find(comment, after);
  if (at == std::string_view::npos || (at = line.find('%', at)) == std::string_view::npos) return "";
  std::string_view name = line.substr(at + 1);
  if (name.starts_with('"')) return std::string(name.substr(1, name.find('"', 1) - 1));
  return std::string(name.substr(0, name.find_first_of(" \t")));
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(), [&](std::string_view start) { return text.starts_with(start); });
}

// Arithmetic on reals, on x86 (vaddps, mulsd) and on Arm (fadd, fmla).
bool is_arithmetic(std::string_view mnemonic) {
  const std::string_view end = mnemonic.size() > 2 ? mnemonic.substr(mnemonic.size() - 2) : mnemonic;
  if (end == "ps" || end == "pd" || end == "ss" || end == "sd")
    return starts_with_any(mnemonic.substr(mnemonic[0] == 'v' ? 1 : 0),
                           {"add", "sub", "mul", "div", "max", "min", "sqrt", "fma", "fms", "fnma", "fnms"});
  return mnemonic.starts_with('f') && starts_with_any(mnemonic.substr(1), {"add", "sub", "mul", "div", "max", "min",
                                                                           "sqrt", "ml", "madd", "msub", "nm"});
}

// Bits that an instruction works on: of its widest vector, or of a number; 0 where no register of vectors is in it.
int operand_bits(std::string_view mnemonic, std::string_view operands) {
  const auto has = [&](std::string_view what) { return operands.find(what) != std::string_view::npos; };
  if (has("%zmm")) return 512;
  if (has("%ymm")) return 256;
  if (has("%xmm")) {
    if (mnemonic.ends_with("ss")) return 32;
    return mnemonic.ends_with("sd") ? 64 : 128;
  }
  if (has(".4s") || has(".2d") || has(".16b")) return 128;
  if (has(".2s")) return 64;
  const auto scalar = [&](char kind) {  // s0, d31
    for (std::size_t at = 0; at + 1 < operands.size(); ++at)
      if (operands[at] == kind && operands[at + 1] >= '0' && operands[at + 1] <= '9' &&
          (at == 0 || operands[at - 1] == ' ' || operands[at - 1] == '\t'))
        return true;
    return false;
  };
  return scalar('d') ? 64 : scalar('s') ? 32 : 0;
}

class Reader {
 public:
  Reader(const std::string& comment, const std::map<std::string, int>& blocks, StatementCode& code)
      : comment_(comment), blocks_(blocks), code_(code) {}

  void line(const std::string& text) {
    if (text.starts_with("\t.")) return;  // a directive
    const bool label = text.starts_with(".LBB") || text.starts_with(comment_ + " %bb.");
    if (label) {
      const auto found = blocks_.find(block_name(text, comment_));
      block_ = found == blocks_.end() ? -1 : found->second;
    }
    const bool instruction = text.size() > 1 && text[0] == '\t' && text.compare(1, comment_.size(), comment_) != 0;
    if (instruction) read(text);
    code_.texts["asm"].push_back({text, block_, instruction});
  }

  int widest() const { return arithmetic_ > 0 ? arithmetic_ : any_; }

 private:
  void read(const std::string& text) {
    const std::size_t end = text.find(comment_);
    const std::string_view words = std::string_view(text).substr(1, end == std::string::npos ? end : end - 1);
    const std::string_view mnemonic = words.substr(0, words.find('\t'));
    ++code_.instructions;
    const int bits = operand_bits(mnemonic, words.substr(mnemonic.size()));
    any_ = std::max(any_, bits);
    if (is_arithmetic(mnemonic)) arithmetic_ = std::max(arithmetic_, bits);
    if (end == std::string::npos) return;
    code_.spills += text.find("Spill", end) != std::string::npos;
    code_.reloads += text.find("Reload", end) != std::string::npos;
  }

  const std::string& comment_;
  const std::map<std::string, int>& blocks_;
  StatementCode& code_;
  int block_ = -1, any_ = 0, arithmetic_ = 0;
};

}  // namespace

void read_assembly(const std::string& assembly, const std::string& comment, const std::map<std::string, int>& blocks,
                   StatementCode& code) {
  Reader reader(comment, blocks, code);
  std::istringstream lines(assembly);
  bool inside = false;
  for (std::string text; std::getline(lines, text);) {
    if (text.starts_with(code.symbol + ":")) inside = true;
    else if (text.starts_with(".Lfunc_end")) inside = false;
    if (inside) reader.line(text);
  }
  code.vector_bits = reader.widest();
}

}  // namespace eligo::compiler
