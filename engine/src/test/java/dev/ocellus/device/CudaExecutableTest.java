package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.graph.Count;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Workload;
import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.cuda.GpuFaultException;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CancellationException;

class CudaExecutableTest {
    private static final Count ROWS = new Count("rows", 4);

    /** More than is copied without asking. */
    private static final int WIDE = 8192;

    private CudaDevice device;
    private WeightStore store;

    @BeforeEach
    void open() {
        SoftGpu.require();
        device = new CudaDevice(0);
        store = device.newWeightStore();
    }

    @AfterEach
    void close() {
        if (device != null) {
            store.close();
            device.close();
        }
    }

    /** y = relu(relu(x)) over four rows. */
    private Executable relus(int cols) {
        Graph g = new Graph("relus");
        Value x = g.input("x", DType.F32, ROWS, 4, cols);
        x = g.activate(x, Activation.RELU);
        g.output("y", g.activate(x, Activation.RELU));
        return executable(g);
    }

    private Executable executable(Graph g) {
        Plan plan = device.plan(g, new PlanOptions(ComputeType.F32));
        return device.prepare(plan, store);
    }

    private static float[] run(Executable e, int rows, int cols, float first) {
        try (Run run = e.begin()) {
            run.count(ROWS, rows);
            MemorySegment x = run.input("x");
            for (int i = 0; i < rows * cols; i++) {
                x.setAtIndex(ValueLayout.JAVA_FLOAT, i, first + i);
            }
            run.execute(() -> false);
            return run.output("y").asSlice(0, 4L * rows * cols).toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    @Test
    void everyRunHasItsOwnCount() {
        try (Executable e = relus(2)) {
            assertThat(run(e, 3, 2, -2)).containsExactly(0, 0, 0, 1, 2, 3);
            assertThat(run(e, 1, 2, -1)).containsExactly(0, 0);
            assertThat(run(e, 4, 2, -6)).containsExactly(0, 0, 0, 0, 0, 0, 0, 1);
            assertThat(run(e, 0, 2, 0)).isEmpty();
            assertThat(run(e, 2, 2, 5)).containsExactly(5, 6, 7, 8);
        }
    }

    @Test
    void aRunIsOneGraphAndOneWait() {
        SoftGpu.requireSoftware();
        try (Executable e = relus(2)) {
            run(e, 1, 2, 0);
            run(e, 2, 2, 0);
            SoftGpu.Counters before = SoftGpu.counters();
            run(e, 3, 2, 0);
            SoftGpu.Counters c = SoftGpu.counters().since(before);
            assertThat(c.graphLaunches()).isEqualTo(1);
            assertThat(c.launches()).isEqualTo(2);
            assertThat(c.waits()).isEqualTo(1);
            assertThat(c.copiesIn()).isEqualTo(1);
            assertThat(c.copiesOut()).isEqualTo(1);
            assertThat(c.allocations() + c.frees()).isZero();
        }
    }

    @Test
    void largeTensorsAreCopiedAsFarAsTheyCount() {
        try (Executable e = relus(2 * WIDE)) {
            for (int rows = 1; rows <= 4; rows++) {
                float[] y = run(e, rows, 2 * WIDE, -1);
                assertThat(y[0]).isZero();
                assertThat(y[y.length - 1]).isEqualTo(y.length - 2);
            }
            SoftGpu.requireSoftware();
            SoftGpu.Counters before = SoftGpu.counters();
            run(e, 2, 2 * WIDE, -1);
            long bytes = SoftGpu.counters().since(before).bytesIn();
            assertThat(bytes).isBetween(2L * 2 * WIDE * 4, 2L * 2 * WIDE * 4 + 4096);
        }
    }

    @Test
    void whatNobodyAskedForIsNotCopied() {
        SoftGpu.requireSoftware();
        try (Executable e = relus(2 * WIDE)) {
            run(e, 4, 2 * WIDE, 0);
            SoftGpu.Counters before = SoftGpu.counters();
            try (Run run = e.begin()) {
                run.count(ROWS, 4);
                run.execute(() -> false);
            }
            assertThat(SoftGpu.counters().since(before).bytesIn()).isLessThan(4096);
        }
    }

    @Test
    void optionalOutputsComeWhenWanted() {
        Graph g = new Graph("two outputs");
        Value x = g.activate(g.input("x", DType.F32, ROWS, 4, 2), Activation.RELU);
        g.optionalOutput("middle", x);
        g.output("y", g.activate(x, Activation.RELU));
        try (Executable e = executable(g)) {
            assertThat(middle(e, 2, true)).isEqualTo(8);
            assertThat(middle(e, 3, true)).isEqualTo(9);
            SoftGpu.requireSoftware();
            assertThat(bytesOut(() -> middle(e, 3, false))).isEqualTo(4 * 2 * 4);
            assertThat(bytesOut(() -> middle(e, 3, true))).isEqualTo(4 * 2 * 4 + 3 * 2 * 4);
        }
    }

    /** The first number of the optional output of a run, or 0 if it is not wanted. */
    private static float middle(Executable e, int first, boolean wanted) {
        try (Run run = e.begin()) {
            run.count(ROWS, 3);
            run.input("x").fill((byte) 0);
            run.input("x").setAtIndex(ValueLayout.JAVA_FLOAT, 0, first + 6);
            if (wanted) {
                run.want("middle");
            }
            run.execute(() -> false);
            return wanted ? run.output("middle").getAtIndex(ValueLayout.JAVA_FLOAT, 0) : 0;
        }
    }

    private static long bytesOut(Runnable run) {
        SoftGpu.Counters before = SoftGpu.counters();
        run.run();
        return SoftGpu.counters().since(before).bytesOut();
    }

    @Test
    void someStepsAreTimedOnTheInputsOfTheLastRun() {
        SoftGpu.requireSoftware();
        try (CudaExecutable e = (CudaExecutable) relus(2)) {
            assertThatThrownBy(() -> e.seconds(step -> true, 1))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("run it first");
            run(e, 3, 2, -2);
            SoftGpu.Counters before = SoftGpu.counters();
            assertThat(e.seconds(step -> step == 1, 3)).isPositive();
            SoftGpu.Counters c = SoftGpu.counters().since(before);
            assertThat(c.graphLaunches()).isEqualTo(5);
            assertThat(c.launches()).isEqualTo(5);
            assertThat(run(e, 3, 2, -2)).containsExactly(0, 0, 0, 1, 2, 3);
        }
    }

    @Test
    void launchesOfAPlanAreKnownWithoutMemory() {
        SoftGpu.requireSoftware();
        Graph g = new Graph("relu");
        Value x = g.input("x", DType.F32, ROWS, 4, 1024);
        g.output("y", g.activate(x, Activation.RELU));
        Plan plan = device.plan(g, new PlanOptions(ComputeType.F32));
        SoftGpu.Counters before = SoftGpu.counters();
        assertThat(device.launches(plan))
                .singleElement()
                .satisfies(
                        l -> {
                            assertThat(l.step()).isZero();
                            assertThat(l.name()).isEqualTo("pointwise.activate_rows");
                            assertThat(l.grid().x() * l.threads()).isEqualTo(4 * 1024 / 4);
                            assertThat(l.isLibrary()).isFalse();
                        });
        assertThat(SoftGpu.counters().since(before).allocations()).isZero();
    }

    @Test
    void aCancelledRunDoesNotBegin() {
        try (Executable e = relus(2);
                Run run = e.begin()) {
            run.count(ROWS, 4);
            assertThatThrownBy(() -> run.execute(() -> true))
                    .isInstanceOf(CancellationException.class);
            run.execute(() -> false);
        }
    }

    @Test
    void aProfileHasTimesOfEachStep() {
        try (Executable e = relus(2)) {
            e.profiling(true);
            assertThat(run(e, 4, 2, -6)).endsWith(0, 1);
            assertThat(run(e, 4, 2, -6)).endsWith(0, 1);
            assertThat(e.profile().rows(Workload.full(0)))
                    .hasSize(2)
                    .allSatisfy(r -> assertThat(r.operations()).isEqualTo("relu"))
                    .allSatisfy(r -> assertThat(r.runs()).isEqualTo(2))
                    .allSatisfy(r -> assertThat(r.nanos()).isPositive());
            e.profiling(false);
            assertThat(run(e, 4, 2, -6)).endsWith(0, 1);
        }
    }

    @Test
    void closingFreesTheWorkspace() {
        long before = device.usedBytes();
        Executable e = relus(WIDE);
        assertThat(device.usedBytes()).isGreaterThan(before);
        e.close();
        e.close();
        assertThat(device.usedBytes()).isEqualTo(before);
        assertThatThrownBy(e::begin).hasMessage("the plan relus has been closed");
    }

    private static void look(Executable e, int row) {
        try (Run run = e.begin()) {
            run.input("index").setAtIndex(ValueLayout.JAVA_INT, 1, row);
            run.execute(() -> false);
        }
    }

    @Test
    void aFaultEndsThisDeviceAlone() {
        SoftGpu.requireSoftware();
        Graph g = new Graph("lookup");
        Value x = g.activate(g.input("x", DType.F32, null, 4, 2), Activation.RELU);
        Value y = g.selectRows(x, g.input("index", DType.I32, null, 4));
        g.output("y", g.activate(y, Activation.SILU));
        try (Executable e = executable(g);
                Executable other = relus(2)) {
            run(other, 1, 2, 0);
            look(e, 0);
            look(e, 3);
            // The third run is a graph, which is at fault as a whole for the driver.
            assertThatThrownBy(() -> look(e, Integer.MAX_VALUE))
                    .isInstanceOf(GpuFaultException.class)
                    .hasMessageContaining("kernel rows.select_rows failed");
            assertThatThrownBy(() -> run(other, 1, 2, 0)).isInstanceOf(GpuFaultException.class);
            assertThatThrownBy(() -> relus(2)).isInstanceOf(GpuFaultException.class);
        }
        store.close();
        device.close();
        open();
        try (Executable again = relus(2)) {
            assertThat(run(again, 1, 2, 3)).containsExactly(3, 4);
        }
    }
}
