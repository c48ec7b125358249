package dev.ocellus.kernels;

import dev.ocellus.kernels.cuda.CudaProvider;
import dev.ocellus.kernels.cuda.GpuMemory;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.kernels.nativelib.EmulatedProvider;
import dev.ocellus.kernels.scalar.ScalarProvider;

import org.opentest4j.TestAbortedException;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Runs trials on a provider: results against the oracle, every run-time count, rows alone and in
 * other company (same bits), in place, units split at odd places, and nothing outside the operands
 * touched. The trial under way is named in {@code target/operation-under-test.txt}, in case the
 * process does not survive it.
 */
final class OperationCheck {
    /** Property that limits the tests of all providers to one: cuda, native, vector or scalar. */
    static final String ONLY_PROPERTY = "ocellus.test.provider";

    private static final Path UNDER_TEST = Path.of("target", "operation-under-test.txt");
    private static final WorkerPool POOL = new WorkerPool(3);
    private static final CudaProvider CUDA = new CudaProvider();

    private final KernelProvider provider;
    private final Operands inputs;
    private final Operands outputs;
    private final RandomGenerator random = new SplittableRandom(7);

    /** A provider and a placement of the operands: what every operation test is run with. */
    record Setting(KernelProvider provider, Placement placement) {
        @Override
        public String toString() {
            return provider.name() + " (" + provider.description() + "), " + placement;
        }
    }

    /** Every CPU provider, in each instruction set that runs or is emulated here. */
    static Stream<KernelProvider> cpuProviders() {
        return Stream.concat(
                KernelProviders.available().stream(), EmulatedProvider.available().stream());
    }

    /** Every provider that is tested, or those of the name that {@link #ONLY_PROPERTY} gives. */
    static Stream<KernelProvider> providers() {
        String only = System.getProperty(ONLY_PROPERTY);
        return Stream.concat(cpuProviders(), Stream.of(CUDA))
                .filter(p -> only == null || p.name().equals(only));
    }

    /** For operations that a GPU does not have: none if the tests are limited to it. */
    static Stream<Setting> cpuSettings() {
        return settings().filter(s -> s.provider() != CUDA);
    }

    static Stream<Setting> cudaSettings() {
        return placements(CUDA);
    }

    static Stream<Setting> settings() {
        return providers().flatMap(OperationCheck::placements);
    }

    /** Emulation takes its time: the placements are shared out to the instruction sets. */
    private static Stream<Setting> placements(KernelProvider provider) {
        int emulated = EmulatedProvider.available().indexOf(provider);
        return Stream.of(Placement.values())
                .filter(p -> emulated < 0 || p.ordinal() == emulated)
                .map(place -> new Setting(provider, place));
    }

    /** What packs weights for a provider: the processor does for a GPU. */
    static KernelProvider packer(KernelProvider provider) {
        return provider == CUDA ? new ScalarProvider() : provider;
    }

    /**
     * Memory that a provider reaches, for one thread; skips the calling test if there is no GPU.
     */
    static Arena arena(KernelProvider provider) {
        return provider == CUDA ? CUDA.arena() : Arena.ofConfined();
    }

    /**
     * A sanitized build takes its time: each trial runs all rows, half of them by a run-time count,
     * and the last half.
     */
    private static boolean isSlow(KernelProvider provider) {
        return provider instanceof CudaProvider && SoftGpu.isSanitized();
    }

    /**
     * Where the CUDA kernels run once more, in another order or sanitized, the trials are shared
     * out to the placements.
     */
    private static boolean isLeftOut(Setting setting, Trial trial) {
        boolean again = isSlow(setting.provider()) || System.getenv("SOFTGPU_ORDER") != null;
        int share = Math.floorMod(trial.name().hashCode(), Placement.values().length);
        return again
                && setting.provider() instanceof CudaProvider
                && share != setting.placement().ordinal();
    }

    private OperationCheck(KernelProvider provider, Operands inputs, Operands outputs) {
        this.provider = provider;
        this.inputs = inputs;
        this.outputs = outputs;
    }

    /** Makes a trial of operands. */
    interface Maker {
        Trial make(Operands operands, RandomGenerator random);
    }

    /** Runs the trial that {@code maker} makes from {@code seed}. */
    static void check(Setting setting, long seed, Maker maker) {
        try (Operands inputs = new Operands(setting);
                Operands outputs = new Operands(setting)) {
            Trial trial = maker.make(inputs, new SplittableRandom(seed));
            if (isLeftOut(setting, trial)) {
                return;
            }
            String name = trial.name() + ", seed " + seed + " on " + setting;
            announce(name);
            inputs.freeze();
            try {
                new OperationCheck(setting.provider(), inputs, outputs).check(trial);
            } catch (TestAbortedException e) {
                throw e;
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError(name + ": " + e.getMessage(), e);
            }
            inputs.verify(name);
            outputs.verify(name);
        }
    }

    static void announce(String name) {
        try {
            Files.writeString(UNDER_TEST, name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void check(Trial t) {
        Matrix all = output(t, t.rows());
        POOL.run(bind(provider, outputs, t.call().at(0, t.rows(), 0, all.address())));
        // The oracle reads the inputs, too.
        inputs.verify("all rows");
        compareWithOracle(t, all, 0, all.rows());
        verifyUntouched(all, t.rows() * t.outRows(), "all rows");

        for (long count : counts(0, 1, t.rows(), t.rows() / 2).toArray()) {
            Matrix out = output(t, t.rows());
            long rowCount = outputs.longs(count).address();
            run(t.call().at(0, t.rows(), rowCount, out.address()));
            compare(t, all, 0, out, count * t.outRows(), "run-time count " + count);
            verifyUntouched(out, count * t.outRows(), "run-time count " + count);
        }
        for (long count : counts(1, t.rows() / 2).filter(c -> c > 0).toArray()) {
            // The operands end with the rows that count: touching a later one is an access outside.
            long first = t.rows() - count;
            Matrix out = output(t, count);
            long rowCount = outputs.longs(count).address();
            run(t.call().at(first, t.rows(), rowCount, out.address()));
            compare(t, all, first * t.outRows(), out, count * t.outRows(), "last " + count);
        }
        for (long[] span : isSlow(provider) ? List.<long[]>of() : spans(t.rows())) {
            String what = span[1] + " rows from row " + span[0];
            Matrix out = output(t, span[1]);
            run(t.call().at(span[0], span[1], 0, out.address()));
            compare(t, all, span[0] * t.outRows(), out, span[1] * t.outRows(), what);
            verifyUntouched(out, span[1] * t.outRows(), what);
        }
        for (Trial.InPlace variant : t.inPlace()) {
            Matrix source = variant.operand();
            Matrix out = outputs.matrix(source.rows(), t.cols(), source.ld());
            MemorySegment.copy(source.segment(), 0, out.segment(), 0, out.segment().byteSize());
            run(variant.call().apply(out.address()));
            compare(t, all, 0, out, t.rows() * t.outRows(), "in place");
            verifyUntouched(out, t.rows() * t.outRows(), "in place");
        }
    }

    /** Of these numbers of rows, the last where all of them would take too long. */
    private LongStream counts(long... all) {
        return LongStream.of(all).skip(isSlow(provider) ? all.length - 1 : 0).distinct();
    }

    private Matrix output(Trial t, long rows) {
        return outputs.unwritten(rows * t.outRows(), t.cols(), t.ldo());
    }

    /** Some rows alone, and a batch that starts and ends elsewhere. */
    private List<long[]> spans(long rows) {
        List<long[]> spans = new ArrayList<>();
        LongStream.of(0, rows / 3, rows - 1)
                .distinct()
                .forEach(row -> spans.add(new long[] {row, 1}));
        long first = random.nextLong(rows);
        spans.add(new long[] {first, 1 + random.nextLong(rows - first)});
        return spans;
    }

    private void run(KernelCall call) {
        run(provider, outputs, call, random);
    }

    /** Runs a call in the calling thread, its units cut into ranges that run in any order. */
    static void run(
            KernelProvider provider, Operands memory, KernelCall call, RandomGenerator random) {
        for (Launch launch : bind(provider, memory, call)) {
            long units = launch.units();
            long[] cuts =
                    LongStream.concat(
                                    LongStream.of(0, units),
                                    random.longs(units < 2 ? 0 : random.nextInt(4), 0, units + 1))
                            .sorted()
                            .toArray();
            int[] order = shuffled(cuts.length - 1, random);
            for (int i : order) {
                launch.run(cuts[i], cuts[i + 1]);
            }
        }
    }

    private static int[] shuffled(int n, RandomGenerator random) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    static List<Launch> bind(KernelProvider provider, Operands memory, KernelCall call) {
        long bytes = provider.scratchBytes(call);
        long alignment = provider instanceof CudaProvider ? GpuMemory.ALIGNMENT : 64;
        long scratch = bytes == 0 ? 0 : memory.unwrittenBytes(bytes, alignment).address();
        // Argument structures are small: they may stay until the tests end.
        return provider.bind(call, scratch, Arena.global());
    }

    /** Compares rows of a result, which are the rows from {@code first} on of the whole one. */
    private static void compareWithOracle(Trial t, Matrix out, long first, long rows) {
        for (long r = 0; r < rows; r++) {
            for (long c = 0; c < out.cols(); c++) {
                double expected = t.expected().at(first + r, c);
                double tolerance = t.tolerance().at(first + r, c);
                float actual = out.get(r, c);
                if (!(Math.abs(actual - expected) <= tolerance)) {
                    throw new AssertionError(
                            "output row %d, column %d is %s, not %s within %s"
                                    .formatted(r, c, actual, expected, tolerance));
                }
            }
        }
    }

    /** The same bits, or a result just as good where another kernel may add in another order. */
    private void compare(Trial t, Matrix all, long first, Matrix out, long rows, String what) {
        if (provider instanceof CudaProvider cuda && cuda.companyMayCount()) {
            compareWithOracle(t, out, first, rows);
        } else {
            compareBits(all, first, out, rows, what);
        }
    }

    private static void compareBits(Matrix all, long first, Matrix out, long rows, String what) {
        for (long r = 0; r < rows; r++) {
            for (long c = 0; c < out.cols(); c++) {
                if (out.bits(r, c) != all.bits(first + r, c)) {
                    throw new AssertionError(
                            "%s: output row %d, column %d is %s, but %s when all rows are run"
                                    .formatted(what, r, c, out.get(r, c), all.get(first + r, c)));
                }
            }
        }
    }

    /** Nothing but {@code rows} rows of {@code cols} elements has been written. */
    private static void verifyUntouched(Matrix out, long rows, String what) {
        for (long r = 0; r < out.rows(); r++) {
            long written = r < rows ? out.cols() : 0;
            long end = r == out.rows() - 1 ? out.cols() : out.ld();
            for (long c = written; c < end; c++) {
                if (out.bits(r, c) != Operands.POISON) {
                    throw new AssertionError(
                            "%s: wrote %s at row %d, column %d, outside the output"
                                    .formatted(what, out.get(r, c), r, c));
                }
            }
        }
    }
}
