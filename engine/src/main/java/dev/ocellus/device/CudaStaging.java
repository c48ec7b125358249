package dev.ocellus.device;

import dev.ocellus.graph.Value;
import dev.ocellus.kernels.cuda.Gpu;
import dev.ocellus.kernels.cuda.GpuStream;
import dev.ocellus.kernels.cuda.PinnedBuffer;
import dev.ocellus.plan.Plan;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * The host's side of a plan's inputs and outputs, in one pinned buffer. It begins with a mirror of
 * the workspace's head: the counters and the small inputs, which one copy brings over. Large inputs
 * and outputs, and optional outputs, are copied on their own, as far as their counts say.
 */
final class CudaStaging implements AutoCloseable {
    /** Inputs up to this size are copied always, together. */
    private static final long SMALL_INPUT_BYTES = 64 << 10;

    /** Outputs up to this size are copied always, whatever their count. */
    private static final long SMALL_OUTPUT_BYTES = 1 << 20;

    private static final long ALIGNMENT = 64;

    /**
     * A tensor on both sides.
     *
     * @param label of an input or an optional output
     * @param counter offset of the counter that says how many entries count, or -1
     * @param entryBytes bytes of an entry that is counted
     */
    private record Transfer(
            String label,
            MemorySegment device,
            MemorySegment host,
            long counter,
            long entryBytes) {}

    private final Plan plan;
    private final PinnedBuffer buffer;
    private final MemorySegment host;
    private final MemorySegment deviceHead;
    private final MemorySegment hostHead;
    private final Map<Value, MemorySegment> views = new HashMap<>();
    private final List<Transfer> largeInputs = new ArrayList<>();
    private final List<Transfer> smallOutputs = new ArrayList<>();
    private final List<Transfer> largeOutputs = new ArrayList<>();
    private final List<Transfer> optionalOutputs = new ArrayList<>();

    /**
     * @param workspace device memory of the plan's workspace
     */
    CudaStaging(Gpu gpu, Plan plan, MemorySegment workspace) {
        this.plan = plan;
        List<Map.Entry<String, Value>> inputs = new ArrayList<>(plan.graph().inputs().entrySet());
        inputs.sort(Comparator.comparingLong(e -> plan.offset(e.getValue())));
        Map<Value, Long> places = new HashMap<>();
        long head = counterBytes();
        for (Map.Entry<String, Value> e : inputs) {
            if (isHead(e.getValue())) {
                long at = plan.offset(e.getValue());
                places.put(e.getValue(), at);
                head = Math.max(head, at + bytes(e.getValue()));
            }
        }
        long end = head;
        Set<Value> others = new LinkedHashSet<>(plan.graph().inputs().values());
        others.addAll(plan.graph().outputs().values());
        for (Value v : others) {
            if (!places.containsKey(v)) {
                long at = Math.ceilDiv(end, ALIGNMENT) * ALIGNMENT;
                places.put(v, at);
                end = at + bytes(v);
            }
        }
        buffer = PinnedBuffer.allocate(gpu, end);
        host = buffer.segment();
        host.fill((byte) 0);
        hostHead = host.asSlice(0, head);
        deviceHead = workspace.asSlice(0, head);
        places.forEach((v, at) -> views.put(v, host.asSlice(at, bytes(v))));
        for (Map.Entry<String, Value> e : inputs) {
            if (!isHead(e.getValue())) {
                largeInputs.add(transfer(e.getKey(), e.getValue(), workspace));
            }
        }
        addOutputs(workspace);
    }

    private void addOutputs(MemorySegment workspace) {
        Set<Value> others = new LinkedHashSet<>();
        plan.graph()
                .outputs()
                .forEach(
                        (label, v) -> {
                            if (plan.graph().isOptional(label)) {
                                optionalOutputs.add(transfer(label, v, workspace));
                            } else {
                                others.add(v);
                            }
                        });
        for (Value v : others) {
            boolean small = bytes(v) <= SMALL_OUTPUT_BYTES;
            (small ? smallOutputs : largeOutputs).add(transfer("", v, workspace));
        }
    }

    private long counterBytes() {
        return plan.counts().stream()
                .flatMap(c -> plan.counters(c).keySet().stream())
                .mapToLong(at -> at + Long.BYTES)
                .max()
                .orElse(0);
    }

    private static boolean isHead(Value v) {
        return bytes(v) <= SMALL_INPUT_BYTES;
    }

    private static long bytes(Value v) {
        return v.dtype().byteSize(v.shape().elements());
    }

    private Transfer transfer(String label, Value v, MemorySegment workspace) {
        MemorySegment device = workspace.asSlice(plan.offset(v), bytes(v));
        if (v.count() == null) {
            return new Transfer(label, device, views.get(v), -1, 0);
        }
        long counter =
                plan.counters(v.count()).entrySet().stream()
                        .filter(e -> e.getValue() == 1)
                        .mapToLong(Map.Entry::getKey)
                        .findFirst()
                        .orElseThrow();
        return new Transfer(label, device, views.get(v), counter, bytes(v) / v.count().capacity());
    }

    /** Host memory that begins with the counters. */
    MemorySegment counters() {
        return hostHead;
    }

    /** Host memory of an input or output. */
    MemorySegment view(Value v) {
        return views.get(v);
    }

    /** Copies counters and small inputs; the same work each time. */
    void copySmallIn(GpuStream stream) {
        if (hostHead.byteSize() > 0) {
            stream.copyIn(deviceHead, hostHead);
        }
    }

    /**
     * Copies what counts of large inputs.
     *
     * @param filled whether an input, by its label, has anything new
     */
    void copyLargeIn(GpuStream stream, Predicate<String> filled) {
        for (int i = 0; i < largeInputs.size(); i++) {
            Transfer t = largeInputs.get(i);
            long bytes = filled.test(t.label()) ? counted(t) : 0;
            if (bytes > 0) {
                stream.copyIn(t.device(), t.host().asSlice(0, bytes));
            }
        }
    }

    /** Copies small outputs; the same work each time. */
    void copySmallOut(GpuStream stream) {
        for (Transfer t : smallOutputs) {
            stream.copyOut(t.host(), t.device());
        }
    }

    /**
     * Copies what counts of large and of optional outputs.
     *
     * @param wanted whether an optional output, by its label, is wanted
     */
    void copyLargeOut(GpuStream stream, Predicate<String> wanted) {
        for (int i = 0; i < largeOutputs.size(); i++) {
            copyOut(stream, largeOutputs.get(i));
        }
        for (int i = 0; i < optionalOutputs.size(); i++) {
            Transfer t = optionalOutputs.get(i);
            if (wanted.test(t.label())) {
                copyOut(stream, t);
            }
        }
    }

    private void copyOut(GpuStream stream, Transfer t) {
        long bytes = counted(t);
        if (bytes > 0) {
            stream.copyOut(t.host(), t.device().asSlice(0, bytes));
        }
    }

    private long counted(Transfer t) {
        return t.counter() < 0
                ? t.host().byteSize()
                : hostHead.get(ValueLayout.JAVA_LONG, t.counter()) * t.entryBytes();
    }

    @Override
    public void close() {
        buffer.close();
    }
}
