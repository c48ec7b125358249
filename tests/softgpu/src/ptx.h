// What the text of a PTX module says about its kernels.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace softgpu {

struct PtxKernel {
    std::vector<unsigned> parameterBytes;
    unsigned maxThreads = 1024;
    unsigned sharedBytes = 0;  // static
};

struct Ptx {
    int version = 0;     // 80 for 8.0
    int target = 0;      // 80 for sm_80
    bool exact = false;  // for that target alone, as sm_90a
    std::map<std::string, PtxKernel> kernels;
};

// Nothing if the text is not a module.
std::optional<Ptx> parse_ptx(const std::string &text);

}  // namespace softgpu
