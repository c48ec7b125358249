package dev.ocellus.device;

import dev.ocellus.graph.Graph;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.loader.image.ImagePreprocessor;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A place where plans run. Thread-safe. Closing it ends what runs and frees what it owns. */
public interface Device extends AutoCloseable {

    /** Short name: cpu. */
    String name();

    /** What it is and which kernels run on it, for people. */
    String description();

    /** The type in which this device multiplies bfloat16 weights fastest. */
    ComputeType preferredCompute();

    /** Rows of activations that keep matrix products busy; more would only take memory. */
    long busyRows();

    /**
     * Plans a graph for this device; loads nothing.
     *
     * @throws IllegalArgumentException if it has no products with the type of a weight
     */
    Plan plan(Graph graph, PlanOptions options);

    /** An empty store for the packed weights of one model; the caller closes it. */
    WeightStore newWeightStore();

    /**
     * Memory of the device for state that outlives a run, such as cache pages; owned by the arena.
     */
    MemorySegment allocate(long bytes, Arena arena);

    /**
     * Memory as {@link #allocate(long, Arena)} gives it, with the content of the host's native
     * memory.
     */
    MemorySegment allocate(MemorySegment content, Arena arena);

    /**
     * Whether steps of language models choose the next tokens, so that no logits need come to the
     * host.
     */
    boolean choosesTokens();

    /**
     * Makes pixel values in the host's memory, with the threads and kernels that serve this device.
     */
    ImagePreprocessor preprocessor();

    /**
     * Makes a plan runnable: packs weights that the store lacks, takes the workspace, binds the
     * kernels. The caller closes it.
     */
    Executable prepare(Plan plan, WeightStore store);

    @Override
    void close();
}
