// Pointwise operations: add, scale, activate_rows, gated_activate. A thread takes four neighbouring
// columns of a row; all of it is bound by memory.
#include "quad.cuh"

extern "C" __global__ void __launch_bounds__(256) add(const struct Add a, const Mark mark) {
    begin(mark);
    quad q = quad_of(a.cols);
    if (q.row >= ROW_COUNT(a)) {
        return;
    }
    float4 x = load_quad(a.a + q.row * a.lda + q.col, q.left);
    float4 y = load_quad(a.b + q.row % a.bRows * a.ldb + q.col, q.left);
    float4 v = make_float4(x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w);
    store_quad(a.out + q.row * a.ldo + q.col, q.left, v);
}

extern "C" __global__ void __launch_bounds__(256) scale(const struct Scale a, const Mark mark) {
    begin(mark);
    quad q = quad_of(a.cols);
    if (q.row >= ROW_COUNT(a)) {
        return;
    }
    float4 v = load_quad(a.x + q.row * a.ldx + q.col, q.left);
    float4 s = load_quad(a.scale + q.col, q.left);
    v = make_float4(v.x * s.x, v.y * s.y, v.z * s.z, v.w * s.w);
    if (a.residual) {
        float4 r = load_quad(a.residual + q.row * a.ldr + q.col, q.left);
        v = make_float4(v.x + r.x, v.y + r.y, v.z + r.z, v.w + r.w);
    }
    store_quad(a.out + q.row * a.ldo + q.col, q.left, v);
}

extern "C" __global__ void __launch_bounds__(256)
    activate_rows(const struct Activate a, const Mark mark) {
    begin(mark);
    quad q = quad_of(a.cols);
    if (q.row >= ROW_COUNT(a)) {
        return;
    }
    float4 v = load_quad(a.x + q.row * a.ldx + q.col, q.left);
    store_quad(a.out + q.row * a.ldo + q.col, q.left, activate(v, a.activation));
}

extern "C" __global__ void __launch_bounds__(256)
    gated_activate(const struct GatedActivate a, const Mark mark) {
    begin(mark);
    quad q = quad_of(a.cols);
    if (q.row >= ROW_COUNT(a)) {
        return;
    }
    float4 v = load_quad(a.gate + q.row * a.ldg + q.col, q.left);
    float4 u = load_quad(a.up + q.row * a.ldu + q.col, q.left);
    v = activate(v, a.activation);
    v = make_float4(v.x * u.x, v.y * u.y, v.z * u.z, v.w * u.w);
    store_quad(a.out + q.row * a.ldo + q.col, q.left, v);
}
