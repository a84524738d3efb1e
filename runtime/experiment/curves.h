// The picture of a run folder: learning curves of losses and, beside them, of the task's scores and
// of the levels that a curriculum has passed.
#pragma once

#include "runtime/experiment/batch_source.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/run_folder.h"

namespace eligo {

// From the folder's metrics. Throws eligo::Error if they cannot be read or the pictures not be written.
void write_curves(const RunFolder& folder, const Experiment& experiment, const ScoreForm& score);

}  // namespace eligo
