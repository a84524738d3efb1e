// A typed item put together from its lines, as they are resolved in the order of the file.
#pragma once

#include "dsl/infer.h"
#include "dsl/typed_item.h"

namespace eligo::dsl {

class Resolver;

class Assembly {
 public:
  explicit Assembly(TypedItem& item);

  // A line while the inference stands at it, with the block around it and the axes of its right side.
  void line(const Inference& inference, const Statement& s, const Statement* block, const Shape& shape);
  // Declarations, and what is known of the item as a whole.
  void finish(const Inference& inference);

 private:
  void open(const Statement& block);
  void note_calls(const Resolver& resolver, const Statement* block);
  void of_item(const TypedLine& line, Resolver& resolver);
  void of_block(TypedBlock& block, const TypedLine& line, Resolver& resolver, const Inference& inference);
  void declarations(Resolver& resolver);
  void window(const Statement& s);
  void times();

  TypedItem& item_;
  const Statement* block_ = nullptr;
};

}  // namespace eligo::dsl
