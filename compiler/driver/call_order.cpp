#include "compiler/driver/call_order.h"

#include <algorithm>

namespace eligo::compiler {
namespace {

class Order {
 public:
  Order(const Plan& plan, const Lowered& lowered) : plan_(plan), lowered_(lowered) {}

  void add(int function) {
    if (function < 0 || std::find(functions.begin(), functions.end(), function) != functions.end()) return;
    functions.push_back(function);
    for (const std::vector<int>& stage : lowered_.stages[static_cast<std::size_t>(function)])
      for (const int piece : stage) add(piece);
  }

  void add(const std::vector<Instruction>& list) {
    for (const Instruction& instruction : list) {
      if (instruction.phase >= 0) add_phase(instruction.phase);
      if (instruction.action == Action(BatchWork::update))
        add_phase(plan_.learned[static_cast<std::size_t>(instruction.number)].update_phase);
      add(instruction.body);
    }
  }

  std::vector<int> functions;

 private:
  void add_phase(int phase) { add(lowered_.function_of_phase[static_cast<std::size_t>(phase)]); }

  const Plan& plan_;
  const Lowered& lowered_;
};

}  // namespace

std::vector<int> call_order(const Plan& plan, const Timetable& timetable, const Lowered& lowered) {
  Order order(plan, lowered);
  order.add(lowered.prepare);
  for (const auto* list :
       {&timetable.span, &timetable.end, &timetable.learn, &timetable.forward, &timetable.restart, &timetable.again})
    order.add(*list);
  return std::move(order.functions);
}

}  // namespace eligo::compiler
