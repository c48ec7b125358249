package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.kernels.scalar.ScalarProvider;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

class PlanCacheTest {
    private static final long KIB = 1024;

    private final CpuDevice device = new CpuDevice(new ScalarProvider(), new WorkerPool(1));
    private final WeightStore store = device.newWeightStore();
    private final PlanCache cache = new PlanCache(device, store, 4 * KIB);
    private final AtomicInteger made = new AtomicInteger();

    @AfterEach
    void close() {
        cache.close();
        store.close();
        device.close();
    }

    /** Plans with a workspace of so many KiB. */
    private Supplier<Plan> kib(long size) {
        return kib(device, size);
    }

    private Supplier<Plan> kib(Device device, long size) {
        return () -> {
            made.incrementAndGet();
            Graph g = new Graph(size + " KiB");
            Value x = g.input("x", DType.F32, null, 1, size * KIB / 4);
            g.output("x", g.activate(x, Activation.RELU));
            return device.plan(g, new PlanOptions(ComputeType.F32));
        };
    }

    private Executable get(String key, long size) {
        return cache.executable(key, kib(size));
    }

    private static void assertClosed(Executable e) {
        assertThatThrownBy(e::begin).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aPlanIsMadeOnce() {
        Executable e = get("a", 1);
        assertThat(get("a", 1)).isSameAs(e);
        assertThat(made).hasValue(1);
        assertThat(cache.bytes()).isEqualTo(KIB);
    }

    @Test
    void theLeastRecentlyUsedPlansGoFirst() {
        Executable a = get("a", 1);
        Executable b = get("b", 2);
        Executable c = get("c", 1);
        get("a", 1);
        get("d", 1);
        assertClosed(b);
        a.begin().close();
        c.begin().close();
        assertThat(cache.size()).isEqualTo(3);
        assertThat(cache.bytes()).isEqualTo(3 * KIB);
        get("e", 2);
        assertClosed(c);
        assertThat(cache.bytes()).isEqualTo(4 * KIB);
    }

    @Test
    void aPlanLargerThanTheLimitRunsAlone() {
        Executable a = get("a", 1);
        try (Run run = cache.begin("big", kib(9))) {
            run.execute(() -> false);
        }
        assertClosed(a);
        assertThat(cache.size()).isEqualTo(1);
        assertThat(cache.bytes()).isEqualTo(9 * KIB);
        get("a", 1);
        assertThat(cache.bytes()).isEqualTo(KIB);
    }

    @Test
    void whereMemoryEndsOtherPlansGo() {
        SoftGpu.requireSoftware();
        try (CudaDevice gpu = new CudaDevice(0);
                WeightStore weights = gpu.newWeightStore();
                PlanCache plans = new PlanCache(gpu, weights, Long.MAX_VALUE)) {
            Executable a = plans.executable("a", kib(gpu, 900));
            long bytes = gpu.info().bytes();
            SoftGpu.deviceBytes(gpu.usedBytes());
            try {
                plans.begin("b", kib(gpu, 600)).close();
                assertClosed(a);
                assertThat(plans.bytes()).isEqualTo(600 * KIB);
                assertThatThrownBy(() -> plans.executable("c", kib(gpu, 2000)))
                        .isInstanceOf(DeviceMemoryException.class);
                assertThat(plans.size()).isZero();
            } finally {
                SoftGpu.deviceBytes(bytes);
            }
            plans.begin("c", kib(gpu, 2000)).close();
        }
    }

    @Test
    void aPlanThatCannotBeMadeLeavesNothing() {
        assertThatThrownBy(
                        () ->
                                cache.begin(
                                        "a",
                                        () -> {
                                            throw new IllegalArgumentException("no plan");
                                        }))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(cache.size()).isZero();
        get("a", 1);
        assertThat(made).hasValue(1);
    }

    @Test
    @SuppressWarnings("try")
    void aBusyPlanHoldsUpNobodyElse() throws InterruptedException {
        try (Run run = cache.begin("a", kib(1))) {
            Thread waiting = Thread.ofPlatform().start(() -> cache.begin("a", kib(1)).close());
            while (waiting.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
            Thread other = Thread.ofPlatform().start(() -> cache.begin("b", kib(1)).close());
            other.join();
            run.execute(() -> false);
            run.close();
            waiting.join();
        }
        assertThat(made).hasValue(2);
    }

    @Test
    void beginningTwiceOnOneThreadIsRefused() {
        try (Run run = cache.begin("a", kib(1))) {
            assertThatThrownBy(() -> cache.begin("a", kib(1)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("under way");
            run.execute(() -> false);
        }
    }

    @Test
    void threadsThatEvictEachOthersPlansAllRun() throws ExecutionException, InterruptedException {
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                int thread = t;
                all.add(
                        threads.submit(
                                () -> {
                                    for (int i = 0; i < 200; i++) {
                                        int size = 1 + (thread + i) % 3;
                                        try (Run run = cache.begin(size, kib(size))) {
                                            run.execute(() -> false);
                                        }
                                    }
                                }));
            }
            for (Future<?> f : all) {
                f.get();
            }
        }
        assertThat(cache.bytes()).isLessThanOrEqualTo(4 * KIB);
    }

    @Test
    void aClosedCacheMakesNoPlans() {
        Executable a = get("a", 1);
        cache.close();
        assertClosed(a);
        assertThat(cache.bytes()).isZero();
        assertThatThrownBy(() -> cache.begin("a", kib(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("their model was closed");
        assertThat(made).hasValue(1);
    }
}
