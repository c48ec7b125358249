package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.graph.Count;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Workload;
import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.scalar.ScalarProvider;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

class CpuExecutableTest {
    private static final Count ROWS = new Count("rows", 4);

    private final CpuDevice device = new CpuDevice(new ScalarProvider(), new WorkerPool(1));
    private final WeightStore store = device.newWeightStore();

    @AfterEach
    void close() {
        store.close();
        device.close();
    }

    /** y = relu(relu(x)) over four rows of two. */
    private Plan plan() {
        Graph g = new Graph("relus");
        Value x = g.input("x", DType.F32, ROWS, 4, 2);
        x = g.activate(x, Activation.RELU);
        g.output("y", g.activate(x, Activation.RELU));
        return device.plan(g, new PlanOptions(ComputeType.F32));
    }

    private Executable executable() {
        return device.prepare(plan(), store);
    }

    @Test
    void optionalOutputsHaveToBeWanted() {
        Graph g = new Graph("relu");
        Value x = g.input("x", DType.F32, ROWS, 4, 2);
        g.optionalOutput("y", g.activate(x, Activation.RELU));
        Plan plan = device.plan(g, new PlanOptions(ComputeType.F32));
        try (Executable e = device.prepare(plan, store)) {
            try (Run run = e.begin()) {
                run.want("y");
                run.execute(() -> false);
                assertThat(run.output("y").byteSize()).isEqualTo(4 * 2 * 4);
                assertThatThrownBy(() -> run.want("z"))
                        .isInstanceOf(IllegalArgumentException.class);
            }
            try (Run run = e.begin()) {
                run.execute(() -> false);
                assertThatThrownBy(() -> run.output("y"))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("did not want y");
            }
        }
    }

    @Test
    void memoryTakesItsContent() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment content = arena.allocateFrom(ValueLayout.JAVA_INT, 3, 1, 2);
            assertThat(device.allocate(content, arena).toArray(ValueLayout.JAVA_INT))
                    .containsExactly(3, 1, 2);
        }
    }

    @Test
    void runsTheCountedRows() {
        try (Executable e = executable();
                Run run = e.begin()) {
            run.count(ROWS, 3);
            for (int i = 0; i < 8; i++) {
                run.input("x").setAtIndex(ValueLayout.JAVA_FLOAT, i, i - 2);
            }
            run.execute(() -> false);
            assertThat(run.output("y").asSlice(0, 24).toArray(ValueLayout.JAVA_FLOAT))
                    .containsExactly(0, 0, 0, 1, 2, 3);
        }
    }

    @Test
    void namesAndCountsAreChecked() {
        try (Executable e = executable();
                Run run = e.begin()) {
            assertThatThrownBy(() -> run.input("z"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the plan relus has no tensor z");
            assertThatThrownBy(() -> run.output("x"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the plan relus has no tensor x");
            assertThatThrownBy(() -> run.count(ROWS, 5))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("count rows is 5; the plan has room for 4");
            assertThatThrownBy(() -> run.count(ROWS, -1))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> run.count(new Count("rows", 5), 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("the plan relus has no Count[name=rows, capacity=5]");
        }
    }

    @Test
    void aClosedRunTouchesNothing() {
        try (Executable e = executable()) {
            Run run = e.begin();
            run.close();
            run.close();
            assertThatThrownBy(() -> run.input("x")).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> run.output("y")).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> run.count(ROWS, 1)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> run.execute(() -> false))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("the run of the plan relus has been closed");
        }
    }

    @Test
    void aThreadCannotBeginTwice() {
        try (Executable e = executable()) {
            try (Run run = e.begin()) {
                assertThatThrownBy(e::begin)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("under way");
                run.count(ROWS, 1);
            }
            e.begin().close();
        }
    }

    @Test
    void cancellationIsAskedBetweenSteps() {
        try (Executable e = executable()) {
            AtomicInteger asked = new AtomicInteger();
            try (Run run = e.begin()) {
                run.count(ROWS, 4);
                run.input("x").fill((byte) 0);
                assertThatThrownBy(() -> run.execute(() -> asked.incrementAndGet() > 1))
                        .isInstanceOf(CancellationException.class);
            }
            assertThat(asked).hasValue(2);
            try (Run run = e.begin()) {
                run.execute(() -> false);
            }
        }
    }

    @Test
    void closingWaitsForTheRunUnderWay() throws InterruptedException {
        Executable e = executable();
        MemorySegment memory;
        Thread closer;
        try (Run run = e.begin()) {
            memory = run.input("x");
            closer = Thread.ofPlatform().start(e::close);
            while (closer.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
            run.count(ROWS, 4);
            run.execute(() -> false);
            assertThat(memory.scope().isAlive()).isTrue();
        }
        closer.join();
        assertThat(memory.scope().isAlive()).isFalse();
        assertThatThrownBy(e::begin)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the plan relus has been closed");
        e.close();
    }

    @Test
    void runsTakeTurns() throws InterruptedException {
        try (Executable e = executable()) {
            CountDownLatch begun = new CountDownLatch(1);
            AtomicReference<Thread> inside = new AtomicReference<>();
            Thread second;
            try (Run run = e.begin()) {
                run.count(ROWS, 1);
                second =
                        Thread.ofPlatform()
                                .start(
                                        () -> {
                                            try (Run other = e.begin()) {
                                                other.count(ROWS, 2);
                                                inside.set(Thread.currentThread());
                                                begun.countDown();
                                            }
                                        });
                while (second.getState() != Thread.State.WAITING) {
                    Thread.onSpinWait();
                }
                assertThat(inside).hasValue(null);
            }
            begun.await();
            second.join();
            assertThat(inside).hasValue(second);
        }
    }

    @Test
    void aProfileHasARowForEachStep() {
        try (Executable e = executable()) {
            assertThat(e.profile()).isNull();
            e.profiling(true);
            try (Run run = e.begin()) {
                run.execute(() -> false);
                run.execute(() -> false);
            }
            assertThat(e.profile().rows(Workload.full(0)))
                    .hasSize(2)
                    .allSatisfy(r -> assertThat(r.operations()).isEqualTo("relu"))
                    .allSatisfy(r -> assertThat(r.runs()).isEqualTo(2))
                    .allSatisfy(r -> assertThat(r.nanos()).isPositive());
            e.profiling(false);
            assertThat(e.profile()).isNull();
        }
    }
}
