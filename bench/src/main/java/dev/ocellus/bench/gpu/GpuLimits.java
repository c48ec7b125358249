package dev.ocellus.bench.gpu;

import dev.ocellus.device.CudaDevice;
import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.draw.Units;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.tensor.DType;

import java.util.List;

/**
 * What the GPU can do at most, measured in the same run; 0 where it is not known.
 *
 * @param bytesPerSecond of its memory
 * @param f32 operations a second
 * @param bf16 likewise; float16 is as fast
 * @param int8 likewise
 * @param copyIn bytes a second from pinned memory of the host
 */
record GpuLimits(double bytesPerSecond, double f32, double bf16, double int8, double copyIn) {
    private static final double GIGA = 1e9;

    static GpuLimits measure(CudaDevice device) {
        Ceilings c = device.ceilings();
        return new GpuLimits(
                c.readGBs() * GIGA,
                c.f32Gflops() * GIGA,
                c.bf16Gflops() * GIGA,
                c.int8Gops() * GIGA,
                device.copyInBytesPerSecond());
    }

    /**
     * Least seconds of a step, by its bytes and by its operations in the type of its products.
     *
     * @param compute type of products with weights that are not of block types
     */
    double seconds(List<Node> step, Cost cost, ComputeType compute) {
        double rate = rate(step, compute);
        double arithmetic = rate == 0 ? 0 : cost.flops() / rate;
        return Math.max(cost.bytes() / bytesPerSecond, arithmetic);
    }

    /** Operations a second in the type in which a step multiplies. */
    double rate(List<Node> step, ComputeType compute) {
        double plain = compute == ComputeType.BF16 && bf16 > 0 ? bf16 : f32;
        for (Node n : step) {
            switch (n.op()) {
                case Op.Linear l -> {
                    return rate(l.weight().kernelType(), plain);
                }
                case Op.Conv2d c -> {
                    return plain;
                }
                case Op.Attention a -> {
                    return plain;
                }
                case Op.PagedAttention a -> {
                    return plain;
                }
                default -> {}
            }
        }
        return f32;
    }

    /**
     * @param plain with weights that are not of block types
     */
    private double rate(DType weights, double plain) {
        double own =
                !weights.isBlock()
                        ? 0
                        : ComputeType.ofBlocks(weights) == ComputeType.INT8 ? int8 : bf16;
        return own > 0 ? own : plain;
    }

    /** For people. */
    String text() {
        return "memory %s, float32 %s, bfloat16 %s, int8 %s, copies from the host %s"
                .formatted(
                        Units.si(bytesPerSecond, "B/s"),
                        Units.si(f32, "FLOP/s"),
                        Units.si(bf16, "FLOP/s"),
                        Units.si(int8, "OP/s"),
                        Units.si(copyIn, "B/s"));
    }
}
