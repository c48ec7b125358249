// Reads PTX as nvcc writes it, line by line.
#include "ptx.h"

#include <cctype>
#include <cstdlib>
#include <set>
#include <sstream>

namespace softgpu {

namespace {

unsigned bytes_of(const std::string &type) {  // ".f32"
    return unsigned(std::atoi(type.c_str() + 2)) / 8;
}

// The bytes of ".param .align 8 .b8 name[88]" or ".shared .f32 name".
unsigned declared_bytes(const std::string &line) {
    std::istringstream words(line);
    std::string word, type;
    while (words >> word) {
        if (word[0] == '.' && word.size() > 2 && std::isdigit(static_cast<unsigned char>(word[2]))) {
            type = word;
        }
    }
    size_t bracket = line.find('[');
    unsigned count = bracket == std::string::npos ? 1 : unsigned(std::atoi(line.c_str() + bracket + 1));
    return type.empty() ? 0 : count * bytes_of(type);
}

std::string declared_name(const std::string &line) {
    size_t end = line.find_first_of("[;,");
    end = end == std::string::npos ? line.size() : end;
    size_t begin = line.find_last_of(" \t", end == 0 ? 0 : end - 1);
    return line.substr(begin + 1, end - begin - 1);
}

// The product of the numbers of ".maxntid 32, 8, 1".
unsigned product(const std::string &line, size_t at) {
    unsigned n = 1;
    while (at < line.size()) {
        if (std::isdigit(static_cast<unsigned char>(line[at]))) {
            char *end;
            n *= unsigned(std::strtoul(line.c_str() + at, &end, 10));
            at = size_t(end - line.c_str());
        } else {
            at++;
        }
    }
    return n;
}

bool has(const std::string &line, const char *word) { return line.find(word) != std::string::npos; }

// "8.0" is 80, "sm_90a" is 90.
int number_after(const std::string &line, const char *word) {
    std::string digits;
    for (size_t i = line.find(word) + std::string(word).size(); i < line.size(); i++) {
        if (std::isdigit(static_cast<unsigned char>(line[i]))) {
            digits += line[i];
        } else if (!digits.empty() && line[i] != '.') {
            break;
        }
    }
    return std::atoi(digits.c_str());
}

class Parser {
  public:
    void line(const std::string &line) {
        if (has(line, ".version")) {
            ptx.version = number_after(line, ".version");
        } else if (has(line, ".target")) {
            ptx.target = number_after(line, "sm_");
            size_t end = line.find_first_not_of("0123456789", line.find("sm_") + 3);
            ptx.exact = end != std::string::npos && line[end] == 'a';
        } else if (size_t at = line.find(".entry "); at != std::string::npos) {
            size_t begin = at + 7;
            size_t end = line.find_first_of("( \t", begin);
            kernel = &ptx.kernels[line.substr(begin, end == std::string::npos ? end : end - begin)];
            depth = 0;
        } else if (kernel) {
            in_kernel(line);
        } else if (has(line, ".shared") && !has(line, ".extern")) {
            moduleShared[declared_name(line)] = declared_bytes(line);
        }
    }

    Ptx ptx;

  private:
    void in_kernel(const std::string &line) {
        if (depth == 0 && has(line, ".param")) {
            kernel->parameterBytes.push_back(declared_bytes(line));
        }
        for (const char *directive : {".maxntid", ".reqntid"}) {
            if (size_t at = line.find(directive); at != std::string::npos) {
                kernel->maxThreads = product(line, at);
            }
        }
        if (depth && has(line, ".shared .align")) {
            kernel->sharedBytes += declared_bytes(line);
        }
        for (auto at = moduleShared.begin(); depth && at != moduleShared.end(); ++at) {
            if (has(line, at->first.c_str()) && used.insert({kernel, at->first}).second) {
                kernel->sharedBytes += at->second;
            }
        }
        for (char c : line) {
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        }
        if (has(line, "}") && depth == 0) {
            kernel = nullptr;
        }
    }

    PtxKernel *kernel = nullptr;
    int depth = 0;
    std::map<std::string, unsigned> moduleShared;
    std::set<std::pair<PtxKernel *, std::string>> used;
};

}  // namespace

std::optional<Ptx> parse_ptx(const std::string &text) {
    Parser parser;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.compare(0, 2, "//") != 0) {
            parser.line(line);
        }
    }
    if (!parser.ptx.version || !parser.ptx.target) {
        return std::nullopt;
    }
    return std::move(parser.ptx);
}

}  // namespace softgpu
