// What the software GPU has to do right: kernels that are correct.

struct Axpy {
    float *y;
    const float *x;
    long count;
    double a;
};

extern "C" __global__ void axpy(const Axpy p) {
    const long i = blockIdx.x * static_cast<long>(blockDim.x) + threadIdx.x;
    if (i < p.count) {
        p.y[i] += static_cast<float>(p.a) * p.x[i];
    }
}
