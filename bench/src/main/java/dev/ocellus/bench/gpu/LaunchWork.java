package dev.ocellus.bench.gpu;

import dev.ocellus.device.GpuLaunch;
import dev.ocellus.graph.Cost;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelCall.MatMul;

import java.util.ArrayList;
import java.util.List;

/**
 * A launch and the work it does.
 *
 * @param cost its part of the plan's work; the parts of all launches of a step are that of the step
 * @param moreBytes what it hands to and gets from other launches of its step, which the plan's work
 *     does not count, less what it hands to and gets from other steps in bfloat16, which counts
 *     there as float32
 * @param blocks of its grid that have something to do
 */
record LaunchWork(GpuLaunch launch, Cost cost, long moreBytes, double blocks) {
    private static final List<String> BEFORE = List.of("_round", "_round_f8", "_copy", "_pack");
    private static final List<String> AFTER = List.of("_finish", "_finish_rounded", "_merge");

    /** Bytes of float32 and of the type to which factors are rounded. */
    private static final long WHOLE = 4;

    private static final long ROUNDED = 2;

    /** Keys of a range of attention over a cache, as in its source. */
    private static final long RANGE = 256;

    long bytes() {
        return cost.bytes() + moreBytes;
    }

    private LaunchWork less(long bytes) {
        return new LaunchWork(launch, cost, moreBytes - bytes, blocks);
    }

    /**
     * Gives the work of each step to its launches. A step without a launch is done by the one
     * before.
     *
     * @param costs of the plan's steps
     * @param contextTokens slots of a sequence that count
     */
    static List<LaunchWork> of(List<GpuLaunch> launches, List<Cost> costs, long contextTokens) {
        List<LaunchWork> all = new ArrayList<>();
        int at = 0;
        while (at < launches.size()) {
            int first = at;
            int step = launches.get(first).step();
            while (at < launches.size() && launches.get(at).step() == step) {
                at++;
            }
            int from = first == 0 ? 0 : step;
            int next = at < launches.size() ? launches.get(at).step() : costs.size();
            Cost cost = costs.subList(from, next).stream().reduce(Cost.NONE, Cost::plus);
            List<LaunchWork> own = ofStep(launches.subList(first, at), cost, contextTokens);
            long saved = savedBytes(own.getFirst().launch());
            if (saved > 0) {
                all.set(all.size() - 1, all.getLast().less(saved));
                own.set(0, own.getFirst().less(saved));
            }
            all.addAll(own);
        }
        return all;
    }

    /**
     * What the first launch of a step and the launch before each save as activations pass between
     * them in bfloat16: a library's products in bfloat16 have no others, and nobody rounds them
     * here.
     */
    private static long savedBytes(GpuLaunch first) {
        return first.isLibrary()
                        && first.call() instanceof MatMul m
                        && m.compute() == ComputeType.BF16
                ? (WHOLE - ROUNDED) * m.rows() * m.k()
                : 0;
    }

    private static List<LaunchWork> ofStep(List<GpuLaunch> launches, Cost cost, long context) {
        boolean prepared = launches.stream().anyMatch(l -> is(l, BEFORE));
        boolean finished = launches.stream().anyMatch(l -> is(l, AFTER));
        List<LaunchWork> all = new ArrayList<>();
        Cost left = cost;
        for (GpuLaunch l : launches) {
            long operands = Math.min(left.activationBytes(), operandBytes(l.call()));
            Cost own = left;
            if (is(l, BEFORE)) {
                own = new Cost(0, 0, operands);
            } else if (finished && !is(l, AFTER)) {
                own = new Cost(left.flops(), left.weightBytes(), prepared ? 0 : operands);
            }
            left = minus(left, own);
            all.add(new LaunchWork(l, own, scratch(l, prepared, finished), blocks(l, context)));
        }
        return all;
    }

    private static boolean is(GpuLaunch launch, List<String> ends) {
        return ends.stream().anyMatch(launch.name()::endsWith);
    }

    /** Float32 operands of the main launch, which another may round or copy before. */
    private static long operandBytes(KernelCall call) {
        return switch (call) {
            case MatMul m -> WHOLE * m.rows() * m.k();
            case KernelCall.Attention a ->
                    2 * WHOLE * a.rows() * a.keyLength() * a.kvHeads() * a.headDim();
            default -> Long.MAX_VALUE;
        };
    }

    private static long scratch(GpuLaunch launch, boolean prepared, boolean finished) {
        boolean main = !is(launch, BEFORE) && !is(launch, AFTER);
        long operands = 0;
        long sums = 0;
        if (launch.call() instanceof MatMul m) {
            operands = operandBytes(m) * ROUNDED / WHOLE;
            sums = WHOLE * m.rows() * m.n() * (m.gated() + 1);
        } else if (launch.call() instanceof KernelCall.Attention a) {
            operands = operandBytes(a) * ROUNDED / WHOLE;
        }
        boolean handsOperands = prepared && (main || is(launch, BEFORE));
        boolean handsSums = finished && (main || is(launch, AFTER));
        return (handsOperands ? operands : 0) + (handsSums ? sums : 0);
    }

    /** Of few rows over a cache each range of its capacity has blocks, also those not reached. */
    private static double blocks(GpuLaunch launch, long context) {
        if (launch.isLibrary()) {
            return 0;
        }
        long ranges =
                launch.call() instanceof KernelCall.PagedAttention
                        ? Math.min(launch.grid().z(), Math.ceilDiv(context, RANGE))
                        : launch.grid().z();
        return (double) launch.grid().x() * launch.grid().y() * ranges;
    }

    private static Cost minus(Cost a, Cost b) {
        return new Cost(
                a.flops() - b.flops(),
                a.weightBytes() - b.weightBytes(),
                a.activationBytes() - b.activationBytes());
    }
}
