// One pipeline: what is dumped is what a backend gets, whatever it is, and each pass is verified and timed.
#include "compiler/driver/pipeline.h"

#include <gtest/gtest.h>

#include <set>

#include "compiler/driver/compile.h"
#include "compiler/driver/dump.h"
#include "compiler/loops/print.h"
#include "tests/oracle/nets.h"

namespace eligo::test {
namespace {

// A backend that passes everything on and remembers the module.
class Recorder : public compiler::Backend {
 public:
  std::string why_not_here(const std::string& cpu) const override { return llvm_.why_not_here(cpu); }
  std::string processor(const std::string& cpu) const override { return llvm_.processor(cpu); }
  std::string version(const compiler::CodegenOptions& options) const override {
    return "recorder of " + llvm_.version(options);
  }
  compiler::Objects compile(const compiler::loops::Module& module,
                            const compiler::CodegenOptions& options) const override {
    seen = compiler::loops::text(module);
    return llvm_.compile(module, options);
  }
  std::shared_ptr<compiler::Kernels> load(const std::vector<std::string>& objects,
                                          const std::vector<std::string>& names) const override {
    loaded = names;
    return llvm_.load(objects, names);
  }
  std::span<const std::string_view> forms() const override { return forms_; }
  std::string text(std::string_view form, const compiler::loops::Module& module,
                   const compiler::CodegenOptions&) const override {
    return std::string(form) + " of " + compiler::loops::text(module);
  }
  compiler::ModuleCode inspect(const compiler::loops::Module& module,
                               const compiler::CodegenOptions& options) const override {
    return llvm_.inspect(module, options);
  }
  std::unique_ptr<compiler::CountedKernels> counted(const compiler::loops::Module& module,
                                                    const compiler::CodegenOptions& options) const override {
    return llvm_.counted(module, options);
  }

  mutable std::string seen;
  mutable std::vector<std::string> loaded;

 private:
  static constexpr std::string_view forms_[] = {"record"};
  const compiler::Backend& llvm_ = compiler::llvm_backend();
};

ProgramSpec wide_rtrl() {
  ProgramSpec spec;
  spec.rule = "rtrl";
  spec.cell = "rnn_tanh";
  spec.readout = "linear_mse";
  spec.sizes = {{"n", 46}, {"m", 2}, {"k", 2}};
  spec.schedule = {{"", "dense"}};
  spec.batch_hint = 1;
  return spec;
}

TEST(Pipeline, WhatIsDumpedIsWhatTheBackendGets) {
  const Recorder recorder;
  compiler::CompileOptions options;
  options.batch = 1;
  options.backend = &recorder;
  const std::string dumped = compiler::dump_stage(*scheduled(wide_rtrl()), options, "loops");
  EXPECT_NE(dumped.find("_arrive_1"), std::string::npos) << "nothing is split";
  const auto runner = compiler::compile_and_load(*scheduled(wide_rtrl()), options);
  EXPECT_EQ(recorder.seen, dumped);
  EXPECT_FALSE(recorder.loaded.empty());
  EXPECT_EQ(compiler::dump_stage(*scheduled(wide_rtrl()), options, "record"), "record of " + dumped);
  EXPECT_EQ(compiler::stage_names(options).back(), "record");
  EXPECT_NE(compiler::code_version(options), compiler::code_version({.batch = 1}));
}

TEST(Pipeline, APassOfEachStageIsTimed) {
  std::vector<compiler::PassTime> times;
  compiler::compile(*scheduled(wide_rtrl()), {.batch = 1}, &times);
  std::vector<std::string> names = compiler::pass_names();
  for (const char* of_backend : {"emit", "optimise", "generate"}) names.emplace_back(of_backend);
  ASSERT_EQ(times.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(times[i].name, names[i]);
    EXPECT_GE(times[i].ms, 0);
  }
  EXPECT_TRUE(times[0].changed) << "derivatives are taken";
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
}

TEST(Pipeline, PhasesAreKeptWhereTheyAreAskedFor) {
  const auto phases = [](bool keep) {
    const auto program = scheduled(wide_rtrl());
    compiler::run_passes(*program, {.batch = 1, .keep_phases = keep}, compiler::PassId::distribute_steps);
    std::size_t used = 0;
    for (const auto& phase : program->phases) used += !phase.roots.empty() && phase.takes_many_steps();
    return used;
  };
  EXPECT_GT(phases(false), 0u);
  EXPECT_EQ(phases(true), 0u);
}

TEST(Pipeline, AFaultyGraphIsRefusedBeforeAnyPass) {
  const auto program = scheduled(wide_rtrl());
  compiler::run_passes(*program, {.batch = 1}, compiler::PassId::simplify);
  program->phases.front().roots.front().tensor = 1 << 20;
  EXPECT_THROW(compiler::run_passes(*program, {.batch = 1}, compiler::PassId::simplify), std::logic_error);
}

}  // namespace
}  // namespace eligo::test
