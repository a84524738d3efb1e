// What is read of machine code: sizes of symbols, counts of basic blocks, and what a line of assembly says.
#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "compiler/driver/pipeline.h"
#include "compiler/llvm/read_assembly.h"
#include "measured.h"
#include "runtime/library/compile.h"

namespace eligo::test {
namespace {

using compiler::StatementCode;

StatementCode read(const std::string& lines, const std::map<std::string, int>& blocks = {}, const char* comment = "#") {
  StatementCode code;
  code.symbol = "f";
  compiler::read_assembly(
      "g:\n\tvaddps\t%zmm0, %zmm1, %zmm2\n.Lfunc_end0:\n\t.globl\tf\nf:\n" + lines + ".Lfunc_end1:\n", comment, blocks,
      code);
  return code;
}

TEST(Assembly, IsReadFromTheFunctionAlone) {
  const StatementCode code = read("\t.cfi_startproc\n\tvmovups\t(%rdi), %ymm0\n\tretq\n");
  EXPECT_EQ(code.instructions, 2);
  EXPECT_EQ(code.vector_bits, 256);
  EXPECT_EQ(code.texts.at("asm").size(), 3U);  // with its label, without directives
}

TEST(Assembly, ArithmeticSaysHowWideVectorsAre) {
  EXPECT_EQ(read("\tvmovups\t(%rdi), %zmm0\n\tvaddps\t%ymm0, %ymm1, %ymm2\n").vector_bits, 256);
  EXPECT_EQ(read("\tvfmadd231ps\t(%rdi){1to16}, %zmm0, %zmm1\n").vector_bits, 512);
  EXPECT_EQ(read("\tmulps\t%xmm0, %xmm1\n").vector_bits, 128);
  EXPECT_EQ(read("\tvmulss\t%xmm0, %xmm1, %xmm1\n").vector_bits, 32);
  EXPECT_EQ(read("\tvaddsd\t%xmm0, %xmm1, %xmm1\n").vector_bits, 64);
  EXPECT_EQ(read("\tfmla\tv0.4s, v1.4s, v2.4s\n", {}, "//").vector_bits, 128);
  EXPECT_EQ(read("\tfadd\td0, d1, d2\n", {}, "//").vector_bits, 64);
  EXPECT_EQ(read("\taddq\t$16, %rax\n").vector_bits, 0);
}

TEST(Assembly, SpillsAndReloadsAreCounted) {
  const StatementCode code = read(
      "\tvmovups\t%zmm3, 64(%rsp)                # 64-byte Spill\n"
      "\tvmovups\t64(%rsp), %zmm3                # 64-byte Reload\n"
      "\tvfmadd231ps\t128(%rsp), %zmm0, %zmm1    # 64-byte Folded Reload\n");
  EXPECT_EQ(code.spills, 1);
  EXPECT_EQ(code.reloads, 2);
}

TEST(Assembly, LinesBelongToTheBlockThatTheirLabelNames) {
  const StatementCode code = read(
      "# %bb.0:                                # %entry\n\txorl\t%eax, %eax\n"
      ".LBB1_1:                                # %loop\n"
      "                                        # =>This Inner Loop Header: Depth=1\n\tincq\t%rax\n"
      ".LBB1_2:\n\tretq\n",
      {{"entry", 0}, {"loop", 1}});
  std::vector<int> blocks;
  for (const auto& line : code.texts.at("asm"))
    if (line.instruction) blocks.push_back(line.block);
  EXPECT_EQ(blocks, (std::vector<int>{0, 1, -1}));
}

// The size of a symbol in an object file, 0 where it is not defined.
std::size_t symbol_size(const std::string& object, const std::string& name) {
  const auto at = [&](std::size_t place, auto& into) { std::memcpy(&into, object.data() + place, sizeof into); };
  Elf64_Ehdr head;
  at(0, head);
  for (int i = 0; i < head.e_shnum; ++i) {
    Elf64_Shdr section, strings;
    at(head.e_shoff + static_cast<std::size_t>(i) * sizeof section, section);
    if (section.sh_type != SHT_SYMTAB) continue;
    at(head.e_shoff + section.sh_link * sizeof strings, strings);
    for (std::size_t k = 0; k < section.sh_size; k += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      at(section.sh_offset + k, symbol);
      if (name == object.c_str() + strings.sh_offset + symbol.st_name && symbol.st_shndx != SHN_UNDEF)
        return symbol.st_size;
    }
  }
  return 0;
}

TEST(Code, BytesAreThoseOfTheSymbolInTheObjectsThatRun) {
  const KernelOptions o = small("bptt", "lstm");
  ProgramSpec spec = o.spec;
  spec.batch_hint = o.batch, spec.steps_hint = o.steps;
  const auto program = scheduled(spec);
  compiler::CompileOptions options;
  options.batch = o.batch;
  compiler::Compilation compilation{*program, options, {}};
  compiler::run_passes(compilation, compiler::PassId::lower);
  const auto objects = compiler::llvm_backend().compile(compilation.lowered.module, {});
  const auto code = compiler::llvm_backend().inspect(compilation.lowered.module, {});
  ASSERT_GT(code.codes.size(), 5U);
  for (const StatementCode& one : code.codes) {
    std::size_t bytes = 0;
    for (const std::string& object : objects.files) bytes = std::max(bytes, symbol_size(object, one.symbol));
    EXPECT_EQ(one.bytes, bytes) << one.symbol;
    EXPECT_GT(one.bytes, 0U) << one.symbol;
  }
}

TEST(Code, BlocksAreCountedAsOftenAsTheyRun) {
  KernelOptions o = small("bptt");
  o.count_blocks = true;
  const KernelReport few = measured(o);
  o.batch = 10;
  const KernelReport more = measured(o);
  const auto most = [](const KernelReport& r) {
    const StatementKernel& s = r.phase("step")->statements.at(0);
    EXPECT_EQ(s.counts.at(0), 1U);  // a function is entered once a call
    EXPECT_GT(std::accumulate(s.counts.begin(), s.counts.end(), 0ull), s.counts.size() / 2);
    const std::vector<double> executed = executed_instructions(s, r.codes[s.code]);
    return std::accumulate(executed.begin(), executed.end(), 0.0);
  };
  EXPECT_GT(most(few), 10);
  EXPECT_GT(most(more), most(few));
}

TEST(Code, EveryFormOfEveryStatementNamesItsBlocks) {
  KernelOptions o = small("bptt");
  o.count_blocks = true;
  const KernelReport r = measured(o);
  for (const PhaseKernel& p : r.phases)
    for (const StatementKernel& s : p.statements)
      for (const auto& [form, lines] : r.codes[s.code].texts) {
        std::size_t known = 0, instructions = 0;
        for (const auto& line : lines) {
          instructions += line.instruction;
          known += line.instruction && line.block >= 0;
          EXPECT_LT(line.block, static_cast<int>(s.counts.size()));
        }
        EXPECT_GT(known, instructions / 2) << form << ' ' << s.name;
      }
}

}  // namespace
}  // namespace eligo::test
