// Kernels with one mistake each, which the software GPU has to find.

struct Probe {
    float *out;
    const float *in;
    long n;
};

constexpr int THREADS = 128;

extern "C" __global__ void reads_past_end(const Probe a) {
    a.out[threadIdx.x] = a.in[a.n + threadIdx.x];
}

extern "C" __global__ void writes_past_end(const Probe a) { a.out[a.n + threadIdx.x] = 1; }

// Within the page that the memory ends in, where only a sanitized build looks.
extern "C" __global__ void reads_just_before_begin(const Probe a) {
    a.out[threadIdx.x] = a.in[-1 - static_cast<int>(threadIdx.x)];
}

extern "C" __global__ void forgets_barrier(const Probe a) {
    __shared__ float values[THREADS];
    values[threadIdx.x] = a.in[threadIdx.x];
    a.out[threadIdx.x] = values[THREADS - 1 - threadIdx.x];
}

extern "C" __global__ void forgets_warp_barrier(const Probe a) {
    __shared__ float values[THREADS];
    values[threadIdx.x] = 0;
    __syncthreads();
    values[threadIdx.x] = a.in[threadIdx.x];
    a.out[threadIdx.x] = values[threadIdx.x ^ 1];
}

// The second round writes what slower threads still read.
extern "C" __global__ void forgets_second_barrier(const Probe a) {
    __shared__ float values[THREADS];
    float sum = 0;
    for (int round = 0; round < 2; round++) {
        values[threadIdx.x] = a.in[threadIdx.x] + round;
        __syncthreads();
        sum += values[THREADS - 1 - threadIdx.x];
    }
    a.out[threadIdx.x] = sum;
}

extern "C" __global__ void forgets_copy_wait(const Probe a) {
    __shared__ float4 values[THREADS];
    softgpu::ptx::cp_async16(values + threadIdx.x, a.in + 4 * threadIdx.x, true);
    softgpu::softgpu_cp_async_commit();
    __syncthreads();
    a.out[threadIdx.x] = values[threadIdx.x].x;
}

extern "C" __global__ void parts_before_barrier(const Probe a) {
    if (threadIdx.x % 2) {
        __syncwarp();
    } else {
        __syncthreads();
        a.out[0] = 1;
        __syncthreads();
    }
}

extern "C" __global__ void names_other_lanes(const Probe a) {
    a.out[threadIdx.x] = __shfl_sync(1, a.in[threadIdx.x], 0);
}

extern "C" __global__ void loads_misaligned_vector(const Probe a) {
    const float4 v = *reinterpret_cast<const float4 *>(a.in + 1 + 4 * threadIdx.x);
    a.out[threadIdx.x] = v.x + v.w;
}

extern "C" __global__ void reads_unwritten_shared(const Probe a) {
    __shared__ float values[THREADS];
    if (threadIdx.x == 0) {
        values[0] = 1;
    }
    __syncthreads();
    a.out[threadIdx.x] = values[threadIdx.x];
}

// The largest float that is there: NaNs, which memory begins as, would not show.
extern "C" __global__ void reads_unwritten_global(const Probe a) {
    float largest = 0;
    for (int i = 0; i < a.n; i++) {
        largest = fmaxf(largest, a.in[i]);
    }
    a.out[threadIdx.x + blockIdx.x * THREADS] = largest;
}

extern "C" __global__ void reads_unwritten_local(const Probe a) {
    float values[2];
    if (a.n < 0) {
        values[1] = a.in[0];
    }
    values[0] = a.in[threadIdx.x];
    a.out[threadIdx.x] = values[0] + values[1];
}

extern "C" __global__ void adds_to_unwritten_global(const Probe a) { atomicAdd(a.out, 1.0f); }

extern "C" __global__ void reads_past_shared(const Probe a) {
    float *values = static_cast<float *>(softgpu_cur->block->dyn);
    values[threadIdx.x] = a.in[threadIdx.x];
    __syncthreads();
    a.out[threadIdx.x] = values[threadIdx.x + 1];
}

extern "C" __global__ void shifts_too_far(const Probe a) {
    a.out[threadIdx.x] = static_cast<float>(1 << (static_cast<int>(a.n) + threadIdx.x));
}

extern "C" __global__ void overflows(const Probe a) {
    a.out[threadIdx.x] = static_cast<float>(0x7fffffff + static_cast<int>(threadIdx.x));
}

// Every block adds to the same place.
extern "C" __global__ void blocks_share_output(const Probe a) {
    a.out[threadIdx.x] += a.in[threadIdx.x];
}

extern "C" __global__ void indexes_outside_array(const Probe a) {
    __shared__ float values[2][THREADS];
    values[0][threadIdx.x] = values[1][threadIdx.x] = 1;
    __syncthreads();
    a.out[threadIdx.x] = values[0][threadIdx.x + a.n];
}

extern "C" __global__ void divides_by_zero(const Probe a) {
    a.out[threadIdx.x] = static_cast<float>(threadIdx.x / static_cast<unsigned>(a.n));
}

// Of a launch that may begin before what comes before it has ended.
extern "C" __global__ void waits_for_grid(const Probe a) {
    softgpu::ptx::grid_wait();
    a.out[threadIdx.x] = a.in[threadIdx.x];
}

extern "C" __global__ void waits_for_grid_in_part(const Probe a) {
    if (threadIdx.x == THREADS - 1) {
        return;
    }
    softgpu::ptx::grid_wait();
    a.out[threadIdx.x] = a.in[threadIdx.x];
}
