package dev.ocellus.bench.gpu;

import dev.ocellus.ModelPlans;
import dev.ocellus.device.CudaDevice;
import dev.ocellus.graph.Cost;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the performance model says of a case on a GPU.
 *
 * @param seconds of the case
 * @param cost of the case, as its plans count it
 * @param neededBytes of memory: weights, workspaces and caches
 * @param rows one for each kernel
 */
record Prediction(
        GpuCase work, GpuSpec gpu, double seconds, Cost cost, long neededBytes, List<Row> rows) {
    /** Launch of a graph, its copies, and the host's wait, of each run: an assumption. */
    static final double HOST = 15e-6;

    /**
     * All launches of a kernel.
     *
     * @param seconds of all
     * @param bytes of all, what they hand to each other included
     * @param bound of the slowest one
     * @param blocksHeld by a multiprocessor; 0 for a library's
     */
    record Row(
            String kernel,
            int launches,
            double seconds,
            long bytes,
            long flops,
            LaunchTime.Bound bound,
            int blocksHeld) {}

    /** The launches of a case and their work, which are the same for all GPUs. */
    record Launches(
            GpuCase work, List<LaunchWork> all, Cost cost, int runs, int layers, long bytes) {

        /**
         * @param device says what is launched
         */
        static Launches of(GpuCase work, ModelPlans plans, CudaDevice device) {
            List<LaunchWork> all = new ArrayList<>();
            Cost cost = Cost.NONE;
            List<GpuCase.PlanRun> runs = work.runs(plans);
            long bytes = 0;
            for (GpuCase.PlanRun run : runs) {
                all.addAll(
                        LaunchWork.of(
                                device.launches(run.plan()),
                                run.costs(),
                                run.work().contextTokens()));
                cost = cost.plus(run.cost());
                bytes = run.plan().weightBytes() + run.plan().workspaceBytes();
            }
            long caches =
                    work.sequences() == 0
                            ? 0
                            : work.sequences()
                                    * plans.cacheShape().pages(work.contextTokens())
                                    * plans.cacheShape().pageBytes();
            return new Launches(work, all, cost, runs.size(), layers(plans), bytes + caches);
        }

        private static int layers(ModelPlans plans) {
            return plans.language() == null
                    ? plans.tower().config().numHiddenLayers()
                    : plans.language().config().numHiddenLayers();
        }

        /** Of one run. */
        int launchesOfRun() {
            return all.size() / runs;
        }
    }

    static Prediction of(Launches launches, GpuSpec gpu, Registers registers) {
        Map<String, Row> rows = new LinkedHashMap<>();
        double seconds = launches.runs() * HOST;
        for (LaunchWork w : launches.all()) {
            LaunchTime time = LaunchTime.of(w, gpu, registers);
            seconds += time.seconds();
            rows.merge(name(w), row(w, time), Prediction::sum);
        }
        return new Prediction(
                launches.work(),
                gpu,
                seconds,
                launches.cost(),
                launches.bytes(),
                List.copyOf(rows.values()));
    }

    private static String name(LaunchWork w) {
        return w.launch().name();
    }

    private static Row row(LaunchWork w, LaunchTime time) {
        return new Row(
                name(w),
                1,
                time.seconds(),
                w.bytes(),
                w.cost().flops(),
                time.bound(),
                time.blocksHeld());
    }

    private static Row sum(Row a, Row b) {
        boolean slower = b.seconds / b.launches > a.seconds / a.launches;
        return new Row(
                a.kernel,
                a.launches + b.launches,
                a.seconds + b.seconds,
                a.bytes + b.bytes,
                a.flops + b.flops,
                slower ? b.bound : a.bound,
                a.blocksHeld);
    }

    boolean fits() {
        return neededBytes <= gpu.memoryBytes();
    }

    /** Tokens or tiles a second. */
    double unitsPerSecond() {
        return work.count() / seconds;
    }

    /** Share of the published rate of memory, each operand counted once. */
    double memoryShare() {
        return cost.bytes() / seconds / gpu.bytesPerSecond();
    }

    /** Share of the published rate of bfloat16 products. */
    double arithmeticShare() {
        return cost.flops() / seconds / gpu.bf16();
    }
}
