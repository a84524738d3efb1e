#!/usr/bin/env python3
"""Plants each fault in a small tree and expects check.py to name it."""
import pathlib
import tempfile

import check

PAGE = """# Architecture

## Folders

| folder | holds |
|---|---|
| `support/` | errors |
| `dsl/`, `compiler/ir/` | text, graph |
| `compiler/llvm/` | code |

## Next

| `runtime/` | not in the table |
"""
GOOD = {
    "support/error.h": "#include <string>\n",
    "dsl/ast.h": '#include "support/error.h"\n',
    "compiler/ir/graph.cpp": '#include "compiler/ir/graph.h"\n#include "dsl/ast.h"\n',
    "compiler/ir/graph.h": "",
    "compiler/llvm/jit.cpp": '#include <llvm/IR/Module.h>\n#include "compiler/ir/graph.h"\n',
}


def faults(change):
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place)
        for name, text in (GOOD | {"docs/architecture.md": PAGE} | change).items():
            if text is None:
                continue
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return check.faults_and_arrows(root)[0]


def expect(change, *wanted):
    found = faults(change)
    assert len(found) == len(wanted) and all(w in f for w, f in zip(wanted, found)), found


expect({})
expect({"support/error.h": '#include "dsl/ast.h"\n'}, "support/error.h:1: support may not include dsl")
expect({"dsl/ast.h": '\n#include "compiler/ir/graph.h"\n'}, "dsl/ast.h:2: dsl may not include compiler/ir")
expect({"compiler/ir/graph.h": '# include <llvm/IR/Module.h>\n'}, "graph.h:1: only compiler/llvm includes LLVM")
expect({"runtime/x.cpp": '#include "compiler/llvm/jit.h"\n', "compiler/llvm/jit.h": "",
        "docs/architecture.md": PAGE.replace("| code |", "| code |\n| `runtime/` | sessions |")},
       "x.cpp:1: only compiler/llvm includes its headers")
expect({"compiler/passes/prune.cpp": ""}, "the folder compiler/passes is not in the table")
expect({"dsl/ast.h": '#include "support/gone.h"\n'}, "there is no file support/gone.h")
expect({"compiler/llvm/jit.cpp": None}, "the folder compiler/llvm has no sources")
expect({"bench/b.cpp": '#include "tests/run.h"\n', "tests/run.h": ""}, "the folder bench is not in the table")
expect({"runtime/x.cpp": ""}, "the folder runtime is not in the table")
expect({"docs/architecture.md": PAGE.replace("`compiler/llvm/`", "`compiler/llvm/`, `compiler/llvm/`")}, "listed twice")
