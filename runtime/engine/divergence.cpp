#include "runtime/engine/divergence.h"

#include <cmath>
#include <cstring>

#include "runtime/engine/batch_check.h"

namespace eligo {

using compiler::TensorKind;

Divergence::Divergence(Memory& memory, const GradientReduction& reduction, bool changes_within)
    : memory_(memory), plan_(memory.program()), reduction_(reduction), changes_within_(changes_within) {
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i)
    if (plan_.tensors[i].kind == TensorKind::param || plan_.tensors[i].kind == TensorKind::keep)
      kept_.push_back(static_cast<int>(i));
}

template <class Work>
void Divergence::each_kept(const Work& work) {
  for (const int tensor : kept_)
    work(memory_.base(tensor),
         static_cast<std::size_t>(memory_.layout().tensors[static_cast<std::size_t>(tensor)].bytes()));
}

void Divergence::back_up() {
  std::size_t bytes = 0;
  each_kept([&](const std::byte*, std::size_t size) { bytes += size; });
  backup_.resize(bytes);
  std::byte* to = backup_.data();
  each_kept([&](const std::byte* from, std::size_t size) {
    std::memcpy(to, from, size);
    to += size;
  });
}

void Divergence::put_back() {
  const std::byte* from = backup_.data();
  each_kept([&](std::byte* to, std::size_t size) {
    std::memcpy(to, from, size);
    from += size;
  });
}

void Divergence::check(double loss) {
  if (refused_ || !guarded_ || watching_) return;
  bool good = std::isfinite(loss);
  for (const compiler::Learned& l : plan_.learned)
    good = good && is_finite(memory_, l.gradient, memory_.whole(l.gradient),
                             plan_.tensors[static_cast<std::size_t>(l.gradient)].size() * memory_.copies(l.gradient));
  refused_ = !good;
}

bool Divergence::all_gathered_finite() const {
  for (std::size_t k = 0; k < plan_.learned.size(); ++k) {
    const int gradient = plan_.learned[k].gradient, number = static_cast<int>(k);
    if (!all_finite(reduction_.earlier(number))) return false;
    const std::int64_t count = plan_.tensors[static_cast<std::size_t>(gradient)].size() * memory_.copies(gradient);
    if (reduction_.taken(number) && !is_finite(memory_, gradient, memory_.whole(gradient), count)) return false;
  }
  return true;
}

std::optional<NonFinite> Divergence::first_parameter() const {
  for (const int tensor : kept_) {
    const compiler::Tensor& info = plan_.tensors[static_cast<std::size_t>(tensor)];
    const std::int64_t size = info.size(), count = size * memory_.copies(tensor);
    if (is_finite(memory_, tensor, memory_.whole(tensor), count)) continue;
    for (std::int64_t k = 0; k < count; ++k)
      if (const double x = memory_.read(tensor, memory_.whole(tensor), k); !std::isfinite(x))
        return NonFinite{NonFinite::Kind::parameter, info.name, info.per_step ? k / size + 1 : -1, -1, x};
  }
  return std::nullopt;
}

}  // namespace eligo
