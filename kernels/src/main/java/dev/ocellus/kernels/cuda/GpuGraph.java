package dev.ocellus.kernels.cuda;

import static jcuda.driver.JCudaDriver.cuGraphExecDestroy;

import jcuda.driver.CUgraphExec;

import java.util.List;

/**
 * Work that a stream has captured, launched as a whole. It keeps copies of the argument structures,
 * but not the operands. One launch of it runs at a time; thread-safe otherwise.
 */
public final class GpuGraph implements GpuWork, AutoCloseable {
    private final Gpu gpu;
    private final CUgraphExec graph;
    private final List<String> work;
    private final String name;
    private boolean closed;

    GpuGraph(Gpu gpu, CUgraphExec graph, List<String> work) {
        this.gpu = gpu;
        this.graph = graph;
        this.work = work.stream().distinct().toList();
        name = "graph of " + String.join(", ", this.work);
    }

    @Override
    public void enqueue(GpuStream stream) {
        stream.launch(this);
    }

    @Override
    public String name() {
        return name;
    }

    /** What it consists of, each name once. */
    List<String> work() {
        return work;
    }

    CUgraphExec handle() {
        return graph;
    }

    @Override
    public synchronized void close() {
        if (!closed && gpu.enterToFree()) {
            cuGraphExecDestroy(graph);
        }
        closed = true;
    }
}
