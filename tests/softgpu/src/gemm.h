// The matrix product behind the emulated cuBLAS and cuBLASLt: column-major, with float32
// accumulation (exact for int8), deterministic.
#pragma once
#include "softgpu_runtime.h"

namespace softgpu::blas {

// cudaDataType
enum Type : int {
    F32 = 0,
    F64 = 1,
    F16 = 2,
    S8 = 3,
    S32 = 10,
    BF16 = 14,
    FP8_E4M3 = 28,
    FP8_E5M2 = 29
};

// cublasStatus_t
enum Status : int {
    OK = 0,
    NOT_INITIALIZED = 1,
    INVALID_VALUE = 7,
    EXECUTION_FAILED = 13,
    NOT_SUPPORTED = 15
};

// cublasComputeType_t
enum Compute : int {
    COMPUTE_F16 = 64,
    COMPUTE_F32 = 68,
    COMPUTE_F32_PEDANTIC = 69,
    COMPUTE_F64 = 70,
    COMPUTE_S32 = 72,
    COMPUTE_F32_FAST_F16 = 74,
    COMPUTE_F32_FAST_BF16 = 75,
    COMPUTE_F32_FAST_TF32 = 77
};

struct Matrix {
    const void *data;
    int type;
    int64_t ld;       // from one column to the next
    bool transposed;
};

// d = epilogue(alpha op(a) op(b) + beta c), d m x n, op(a) m x k, op(b) k x n.
struct Gemm {
    int64_t m, n, k;
    Matrix a, b, c, d;
    bool tf32;  // float32 factors are rounded to 10 bits of mantissa
    double alpha, beta;
    std::function<double(double value, int64_t row, int64_t column)> epilogue;
};

size_t bytes_of(int type);
bool is_fp8(int type);
double load(const void *array, int type, size_t i);

// Whether the library has such a product.
Status check_sizes(const Gemm &);
Status check_types(int a, int b, int out, int compute);

// Computes it, and answers a driver status: ILLEGAL_ADDRESS if a matrix lies outside device memory.
int run(const Gemm &);

// The driver status of a workspace, whose contents a product destroys.
int use_workspace(void *workspace, size_t bytes);

}  // namespace softgpu::blas
