package dev.ocellus.bench;

import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.WorkerPool;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What it costs that threads work together: launches without work, of which a plan runs one after
 * the other. The figure is the time of one launch.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class RegionBenchmark {
    private static final int LAUNCHES = 100;

    @Param({"2"})
    public int threads;

    private final List<List<Launch>> empty = steps(new Empty());
    private List<List<Launch>> shared;
    private WorkerPool pool;

    @Setup(Level.Trial)
    public void setUp() {
        pool = new WorkerPool(threads);
        shared = steps(new Shared(threads));
    }

    private static List<List<Launch>> steps(Launch launch) {
        List<List<Launch>> steps = new ArrayList<>();
        for (int i = 0; i < LAUNCHES; i++) {
            steps.add(List.of(launch));
        }
        return List.copyOf(steps);
    }

    /** Whoever comes first takes all units. */
    @Benchmark
    @OperationsPerInvocation(LAUNCHES)
    public void empty() {
        pool.runSteps(empty, () -> false);
    }

    /** No unit ends before all threads have come: the full barrier, there and back. */
    @Benchmark
    @OperationsPerInvocation(LAUNCHES)
    public void shared() {
        pool.runSteps(shared, () -> false);
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        pool.close();
    }

    private static final class Empty implements Launch {
        @Override
        public long units() {
            return 64;
        }

        @Override
        public void run(long begin, long end) {}
    }

    private record Shared(int threads, AtomicLong came) implements Launch {
        Shared(int threads) {
            this(threads, new AtomicLong());
        }

        @Override
        public long units() {
            return threads;
        }

        @Override
        public void run(long begin, long end) {
            long round = came.getAndIncrement() / threads;
            for (int i = 0; came.get() < (round + 1) * threads; i++) {
                if (i % 1000 == 999) {
                    Thread.yield();
                } else {
                    Thread.onSpinWait();
                }
            }
        }
    }
}
