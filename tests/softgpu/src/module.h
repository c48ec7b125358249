// Kernels compiled for the host, and modules of them.
#pragma once
#include <map>
#include <memory>

#include "ptx.h"
#include "stream.h"

namespace softgpu {

struct Module;

struct Function {
    Kernel kernel;
    PtxKernel limits;
    unsigned dynBytes = 48 << 10;  // the limit, which an attribute raises
    Module *module;
};

struct Module {
    std::string family;
    std::map<std::string, std::unique_ptr<Function>> functions;
};

// A module of the family whose kernels the PTX names; a status if there is none.
int new_module(const std::string &text, std::unique_ptr<Module> *out);

}  // namespace softgpu
