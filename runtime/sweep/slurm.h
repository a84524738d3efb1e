// The lines of a plan as an array job of Slurm.
#pragma once

#include <string>
#include <vector>

#include "runtime/sweep/plan.h"

namespace eligo {

struct SlurmOptions {
  std::string command;                  // eligo itself, as the nodes find it
  std::string runs;                     // the folder of the run folders, which all nodes see
  std::uint64_t pack = 1;               // lines a task
  std::uint64_t at_once = 0;            // tasks that run at once; 0: as many as there is room for
  int cpus = 1;                         // of a task, and its threads where the plan does not say
  int signal_before = 120;              // seconds before the time limit at which a task is told to save
  std::string time, memory, partition;  // as sbatch takes them; empty: the cluster's own
  std::vector<std::string> more;        // further options of sbatch, such as "--account=ours"
};

// The script: an array of the packs that have a line to do. A task that is told to end saves; at its time limit it asks
// to be queued again, and Slurm queues it again when it was preempted. Throws eligo::Error: nothing is to do, or an
// option is no single line.
std::string slurm_script(const Plan& plan, const SlurmOptions& options);

// Hands a script to sbatch. What that says, the job's number at its end; throws eligo::Error with it if it fails.
std::string submit(const std::string& script_path);

}  // namespace eligo
