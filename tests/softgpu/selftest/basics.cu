// What the software GPU has to do right: kernels without mistakes.

struct Probe {
    float *out;
    const float *in;
    long n;
};

constexpr int THREADS = 128;

// out = 2 in + out
extern "C" __global__ void axpy(const Probe a) {
    const long i = blockIdx.x * static_cast<long>(blockDim.x) + threadIdx.x;
    if (i < a.n) {
        a.out[i] = fmaf(2, a.in[i], a.out[i]);
    }
}

// Each block's values in the opposite order, by shared memory.
extern "C" __global__ void reverse_blocks(const Probe a) {
    __shared__ float values[THREADS];
    const long begin = blockIdx.x * static_cast<long>(THREADS);
    values[threadIdx.x] = a.in[begin + threadIdx.x];
    __syncthreads();
    a.out[begin + threadIdx.x] = values[THREADS - 1 - threadIdx.x];
}

// The same by asynchronous copies to dynamic shared memory.
extern "C" __global__ void reverse_blocks_async(const Probe a) {
    float4 *values = reinterpret_cast<float4 *>(softgpu_cur->block->dyn);
    const long begin = blockIdx.x * static_cast<long>(THREADS);
    if (threadIdx.x < THREADS / 4) {
        softgpu::ptx::cp_async16(values + threadIdx.x, a.in + begin + 4 * threadIdx.x, true);
    }
    softgpu::softgpu_cp_async_commit();
    softgpu::softgpu_cp_async_wait(0);
    __syncthreads();
    a.out[begin + threadIdx.x] = reinterpret_cast<float *>(values)[THREADS - 1 - threadIdx.x];
}

// Each warp's sum, by shuffles; lanes leave through shared memory that only their warp uses.
extern "C" __global__ void warp_sums(const Probe a) {
    __shared__ float sums[THREADS];
    const long i = blockIdx.x * static_cast<long>(THREADS) + threadIdx.x;
    float sum = a.in[i];
    for (int distance = 16; distance > 0; distance /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    }
    sums[threadIdx.x] = sum;
    __syncwarp();
    a.out[i] = sums[threadIdx.x ^ 31];
}

// How many values of the block are positive, counted in three ways that must agree.
extern "C" __global__ void count_positive(const Probe a) {
    __shared__ int atomic_count, warp_count;
    const long i = blockIdx.x * static_cast<long>(THREADS) + threadIdx.x;
    const bool positive = a.in[i] > 0;
    if (threadIdx.x == 0) {
        atomic_count = warp_count = 0;
    }
    __syncthreads();
    atomicAdd(&atomic_count, positive);
    const unsigned lanes = __ballot_sync(0xffffffffu, positive);
    if (threadIdx.x % warpSize == 0) {
        atomicAdd(&warp_count, __popc(lanes));
    }
    const int count = __syncthreads_count(positive);
    a.out[i] = count == atomic_count && count == warp_count ? count : -1;
}
