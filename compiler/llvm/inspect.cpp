#include "compiler/llvm/inspect.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/MCAsmInfo.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "compiler/llvm/compilation.h"
#include "compiler/llvm/link.h"
#include "compiler/llvm/nest.h"
#include "compiler/llvm/read_assembly.h"
#include "compiler/llvm/tile_plan.h"

namespace eligo::compiler {
namespace {

// Names say in all forms which block a line is of.
void name_blocks(llvm::Function& function) {
  for (llvm::BasicBlock& block : function)
    if (!block.hasName()) block.setName("block");
}

std::map<std::string, int> numbers_of_blocks(const llvm::Function& function) {
  std::map<std::string, int> numbers;
  for (const llvm::BasicBlock& block : function) {
    const int number = static_cast<int>(numbers.size());
    numbers[block.getName().str()] = number;
  }
  return numbers;
}

std::vector<CodeLine> llvm_lines(const llvm::Function& function, const std::map<std::string, int>& blocks) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  function.print(stream);
  std::vector<CodeLine> lines;
  std::istringstream in(text);
  int block = -1;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() && lines.empty()) continue;
    if (const std::size_t end = line.find(':'); end != std::string::npos && line[0] != ' ' && line[0] != ';') {
      std::string name = line.substr(0, end);
      std::erase(name, '"');
      const auto found = blocks.find(name);
      block = found == blocks.end() ? -1 : found->second;
    }
    if (line.starts_with("}")) block = -1;
    lines.push_back({line, block, line.starts_with("  ")});
  }
  return lines;
}

std::size_t bytes_of_symbol(const llvm::SmallVector<char, 0>& file, const std::string& name) {
  const llvm::MemoryBufferRef buffer(llvm::StringRef(file.data(), file.size()), name);
  auto object = llvm::object::ObjectFile::createELFObjectFile(buffer);
  if (!object) throw std::runtime_error("object: " + llvm::toString(object.takeError()));
  const auto& elf = llvm::cast<llvm::object::ELFObjectFileBase>(**object);
  for (const llvm::object::ELFSymbolRef symbol : elf.symbols())
    if (llvm::cantFail(symbol.getName()) == name) return symbol.getSize();
  throw std::logic_error("the object does not define " + name);
}

const loops::Value* first_sum(const loops::Value& v) {
  if (codegen::is_reduce(v)) return &v;
  for (const loops::ValuePtr& a : v.args)
    if (const loops::Value* sum = first_sum(*a)) return sum;
  return nullptr;
}

TileShape tile_of(const codegen::Nest& nest, const JitOptions& options) {
  const int bytes = options.dtype == loops::DType::f32 ? 4 : 8;
  const codegen::Plan plan = codegen::make_plan(nest, options.target, bytes);
  TileShape tile{plan.row >= 0 ? plan.rows : 1, plan.column >= 0 ? plan.columns : 1, 1, false};
  if (plan.lane >= 0) {
    tile.lanes = options.target.lanes(bytes);
  } else if (const loops::Value* sum = first_sum(*nest.value)) {
    const codegen::SumPlan along = codegen::plan_sum(nest, *sum, plan, options.target, bytes);
    if (along.lane >= 0) tile.lanes = options.target.lanes(bytes), tile.along_sum = true;
  }
  return tile;
}

StatementCode inspect(const ModuleParts& parts, std::size_t nest, llvm::TargetMachine& machine) {
  const codegen::Outlined::Nest& outlined = parts.outlined.nests[nest];
  StatementCode code;
  code.symbol = outlined.name;
  for (const codegen::Nest& one : codegen::normal_form(outlined.statement))
    code.tiles.push_back(tile_of(one, parts.options));
  Compilation compilation(machine, parts, {{nest}, {}});
  llvm::Function& function = *compilation.module().getFunction(outlined.name);
  name_blocks(function);
  const std::map<std::string, int> blocks = numbers_of_blocks(function);
  code.texts["llvm"] = llvm_lines(function, blocks);
  const std::unique_ptr<llvm::Module> copy = llvm::CloneModule(compilation.module());
  const auto assembly = generate(machine, *copy, llvm::CodeGenFileType::AssemblyFile);
  read_assembly(std::string(assembly.data(), assembly.size()), machine.getMCAsmInfo()->getCommentString().str(), blocks,
                code);
  code.bytes = bytes_of_symbol(compilation.generate(llvm::CodeGenFileType::ObjectFile), outlined.name);
  return code;
}

// A counter in memory of this process, at an address that is known when the code is made.
void count(llvm::BasicBlock& block, std::uint64_t& counter) {
  llvm::IRBuilder<> b(&block, block.getFirstInsertionPt());
  llvm::Type* const number = b.getInt64Ty();
  llvm::Value* const place = llvm::ConstantExpr::getIntToPtr(
      llvm::ConstantInt::get(number, reinterpret_cast<std::uintptr_t>(&counter)), b.getPtrTy());
  b.CreateStore(b.CreateAdd(b.CreateLoad(number, place), llvm::ConstantInt::get(number, 1)), place);
}

class BlockCounters : public CountedKernels {
 public:
  BlockCounters(const loops::Module& module, const JitOptions& options) {
    const ModuleParts parts(module, options);
    const auto machine = machine_for(options.target);
    Compilation compilation(*machine, parts, parts.whole());
    for (const codegen::Outlined::Nest& nest : parts.outlined.nests) {
      llvm::Function& function = *compilation.module().getFunction(nest.name);
      std::vector<std::uint64_t>& counters = counters_[nest.name];
      counters.resize(function.size());
      std::size_t number = 0;
      for (llvm::BasicBlock& block : function) count(block, counters[number++]);
    }
    const auto object = compilation.generate(llvm::CodeGenFileType::ObjectFile);
    kernels_ = link({std::string(object.data(), object.size())}, function_names(module));
  }

  Kernels::Function find(const std::string& name) const override { return kernels_->find(name); }
  std::vector<std::uint64_t> counts(const std::string& symbol) const override {
    const auto found = counters_.find(symbol);
    return found == counters_.end() ? std::vector<std::uint64_t>{} : found->second;
  }
  void clear() override {
    for (auto& [name, counters] : counters_) std::fill(counters.begin(), counters.end(), 0);
  }

 private:
  std::map<std::string, std::vector<std::uint64_t>> counters_;  // the code knows their addresses
  std::shared_ptr<Kernels> kernels_;
};

}  // namespace

ModuleCode inspect_module(const loops::Module& module, const JitOptions& options) {
  const ModuleParts parts(module, options);
  const auto machine = machine_for(options.target, true);
  ModuleCode code;
  for (std::size_t nest = 0; nest < parts.outlined.nests.size(); ++nest)
    code.codes.push_back(inspect(parts, nest, *machine));
  for (const codegen::Outlined::Function& function : parts.outlined.functions) {
    std::vector<std::size_t>& of = code.of_statement.emplace_back();
    for (const codegen::Outlined::Call& call : function.calls) of.push_back(call.nest);
  }
  return code;
}

std::unique_ptr<CountedKernels> count_blocks(const loops::Module& module, const JitOptions& options) {
  return std::make_unique<BlockCounters>(module, options);
}

}  // namespace eligo::compiler
