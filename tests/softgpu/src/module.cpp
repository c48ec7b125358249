#include "module.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <unordered_map>

namespace softgpu {

namespace {

using Family = std::map<std::string, Kernel>;

using Families = std::map<std::string, Family>;

// Of the two builds, the one that is asked for.
Families &families() {
    static auto *builds = new Families[2];
    return builds[options().sanitized];
}

std::string loading;  // the family whose library is being loaded

std::filesystem::path folder() {
    Dl_info self;
    dladdr(reinterpret_cast<void *>(new_module), &self);
    return std::filesystem::path(self.dli_fname).parent_path() /
           (options().sanitized ? "kernels-sanitized" : "kernels");
}

// Loads the kernels that were built beside this library.
void load_kernels() {
    std::error_code none;
    for (const auto &file : std::filesystem::directory_iterator(folder(), none)) {
        if (file.path().extension() != ".so") {
            continue;
        }
        loading = file.path().stem();
        if (!dlopen(file.path().c_str(), RTLD_NOW | RTLD_LOCAL)) {
            report("%s", dlerror());
        }
    }
}

// The image and the thread-local data of the library that holds a function.
int find_library(dl_phdr_info *info, size_t, void *data) {
    auto &[function, library] = *static_cast<std::pair<char *, Library> *>(data);
    Range image, local;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const auto &header = info->dlpi_phdr[i];
        char *begin = reinterpret_cast<char *>(info->dlpi_addr + header.p_vaddr);
        if (header.p_type == PT_LOAD) {
            image.begin = image.begin ? std::min(image.begin, begin) : begin;
            image.bytes = size_t(begin + header.p_memsz - image.begin);
        } else if (header.p_type == PT_TLS && info->dlpi_tls_data) {
            local = {static_cast<char *>(info->dlpi_tls_data), header.p_memsz};
        }
    }
    if (!image.contains(function, 1)) {
        return 0;
    }
    library = {image, local};
    return 1;
}

// PTX 8.0 came with CUDA 12.0, 7.8 with 11.8, 9.0 with 13.0.
int newest_ptx(int driver) {
    int major = driver / 1000, minor = driver % 1000 / 10;
    return (major - 4) * 10 + minor;
}

bool same_parameters(const Kernel &kernel, const PtxKernel &ptx) {
    return kernel.parameters == ptx.parameterBytes.size() &&
           std::equal(ptx.parameterBytes.begin(), ptx.parameterBytes.end(), kernel.sizes);
}

bool has_all(const Family &family, const Ptx &ptx) {
    return std::all_of(ptx.kernels.begin(), ptx.kernels.end(),
                       [&](const auto &k) { return family.contains(k.first); });
}

// Says which kernel of the module no family has.
void report_missing(const Ptx &ptx) {
    for (const auto &[name, ignored] : ptx.kernels) {
        bool known = std::any_of(families().begin(), families().end(),
                                 [&](const auto &f) { return f.second.contains(name); });
        if (!known) {
            report("the module's kernel %s is not in the sources built for the host", name.c_str());
            return;
        }
    }
    report("the module's kernels are not those of one source built for the host");
}

}  // namespace

void add_kernel(const Kernel &kernel) { families()[loading][kernel.name] = kernel; }

const Library &library_of(const Kernel &kernel) {
    static thread_local auto *known = new std::unordered_map<void *, Library>;
    void *function = reinterpret_cast<void *>(kernel.invoke);
    auto at = known->find(function);
    if (at == known->end()) {
        kernel.touch();
        std::pair<char *, Library> found{static_cast<char *>(function), {}};
        dl_iterate_phdr(find_library, &found);
        at = known->emplace(function, found.second).first;
    }
    return at->second;
}

int new_module(const std::string &text, std::unique_ptr<Module> *out) {
    std::optional<Ptx> ptx = parse_ptx(text);
    if (!ptx) {
        report("the image is not the text of a PTX module");
        return INVALID_IMAGE;
    }
    if (ptx->version > newest_ptx(options().driver)) {
        return UNSUPPORTED_PTX_VERSION;
    }
    if (ptx->exact ? ptx->target != options().capability : ptx->target > options().capability) {
        return NO_BINARY_FOR_GPU;
    }
    if (families().empty()) {
        load_kernels();
    }
    for (const auto &[name, family] : families()) {
        if (!has_all(family, *ptx)) {
            continue;
        }
        auto module = std::make_unique<Module>();
        module->family = name;
        for (const auto &[kernelName, limits] : ptx->kernels) {
            const Kernel &kernel = family.at(kernelName);
            if (!same_parameters(kernel, limits)) {
                report("kernel %s has other parameters in the module than in its source",
                       kernelName.c_str());
                return INVALID_IMAGE;
            }
            module->functions[kernelName] =
                std::make_unique<Function>(Function{kernel, limits, 48 << 10, module.get()});
        }
        *out = std::move(module);
        return SUCCESS;
    }
    report_missing(*ptx);
    return INVALID_IMAGE;
}

}  // namespace softgpu
