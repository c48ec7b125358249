package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.ocellus.kernels.KernelCall.Activate;
import dev.ocellus.kernels.OperationCheck.Setting;
import dev.ocellus.kernels.scalar.ScalarProvider;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** The operation tests see every kind of mistake that they are there for. */
class OperationCheckTest {
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /** Plain Java kernels that are given another call, and that do something wrong afterwards. */
    private record Faulty(UnaryOperator<Activate> change, Consumer<Activate> afterwards)
            implements KernelProvider {
        @Override
        public String name() {
            return "faulty";
        }

        @Override
        public String description() {
            return "wrong on purpose";
        }

        @Override
        public long scratchBytes(KernelCall call) {
            return 0;
        }

        @Override
        public List<Launch> bind(KernelCall call, long scratch, Arena arena) {
            Activate activate = (Activate) call;
            List<Launch> launches = new ArrayList<>();
            launches.addAll(new ScalarProvider().bind(change.apply(activate), scratch, arena));
            launches.add(
                    new Launch() {
                        @Override
                        public long units() {
                            return 1;
                        }

                        @Override
                        public void run(long begin, long end) {
                            if (begin < end && count(activate) > 0) {
                                afterwards.accept(activate);
                            }
                        }
                    });
            return launches;
        }
    }

    private static long count(Activate c) {
        return c.rowCount() == 0 ? c.rows() : ALL.get(JAVA_LONG_UNALIGNED, c.rowCount());
    }

    private static float get(long address) {
        return ALL.get(JAVA_FLOAT_UNALIGNED, address);
    }

    private static void set(long address, float value) {
        ALL.set(JAVA_FLOAT_UNALIGNED, address, value);
    }

    private static void check(UnaryOperator<Activate> change, Consumer<Activate> afterwards) {
        Setting setting = new Setting(new Faulty(change, afterwards), Placement.STARTS_AT_GUARD);
        OperationCheck.check(
                setting,
                1,
                (ops, rnd) ->
                        PointwiseOperationTest.activate(
                                Activation.SILU, new long[] {6, 17}, ops, rnd));
    }

    private static void assertFound(Consumer<Activate> mistake, String... message) {
        assertThatThrownBy(() -> check(c -> c, mistake))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("Activate SILU rows 6 cols 17")
                .hasMessageContaining("faulty (wrong on purpose)")
                .hasMessageContainingAll(message);
    }

    @Test
    void rightKernelsPass() {
        check(c -> c, c -> {});
    }

    @Test
    void wrongValues() {
        assertFound(c -> set(c.out() + 8, get(c.out() + 8) * 1.00001f), "row 0, column 2");
        assertFound(c -> set(c.out() + 8, Float.NaN), "row 0, column 2 is NaN");
    }

    @Test
    void writesOutsideTheOutput() {
        assertFound(c -> set(c.out() + c.cols() * 4, 0), "row 0, column 17, outside the output");
        assertFound(c -> set(c.out() + (count(c) - 1) * c.ldo() * 4 + c.cols() * 4, 0), "wrote");
        assertFound(c -> set(c.x() + 4, get(c.x() + 4) + 1), "an input changed");
    }

    @Test
    void resultsThatDependOnCompany() {
        assertFound(
                c -> set(c.out(), count(c) > 3 ? get(c.out()) : Math.nextUp(get(c.out()))),
                "when all rows are run");
    }

    @Test
    void ignoredRunTimeCount() {
        assertThatThrownBy(
                        () ->
                                check(
                                        c ->
                                                new Activate(
                                                        c.x(),
                                                        c.ldx(),
                                                        c.out(),
                                                        c.ldo(),
                                                        c.rows(),
                                                        0,
                                                        c.cols(),
                                                        c.activation()),
                                        c -> {}))
                .hasMessageContaining("run-time count 0: wrote");
    }

    @Test
    void anAccessPastAGuardEndsTheProcess(@TempDir Path directory)
            throws IOException, InterruptedException {
        for (String placement : List.of("ENDS_AT_GUARD", "STARTS_AT_GUARD")) {
            Process process =
                    new ProcessBuilder(
                                    Path.of(System.getProperty("java.home"), "bin", "java")
                                            .toString(),
                                    "--enable-native-access=ALL-UNNAMED",
                                    "-XX:-CreateCoredumpOnCrash",
                                    "-XX:ErrorFile=" + directory.resolve("crash.log"),
                                    "-cp",
                                    System.getProperty("java.class.path"),
                                    Trespasser.class.getName(),
                                    placement)
                            .directory(directory.toFile())
                            .redirectErrorStream(true)
                            .start();
            String output = new String(process.getInputStream().readAllBytes());
            assertThat(process.waitFor()).isNotZero();
            assertThat(output).contains("inside is fine", "SIGSEGV").doesNotContain("survived");
        }
    }

    /** Touches an operand's bytes and then the one beyond. */
    static final class Trespasser {
        public static void main(String[] args) {
            Placement placement = Placement.valueOf(args[0]);
            Operands operands = new Operands(new ScalarProvider(), placement);
            long address = operands.bytes(12, 4).address();
            set(address, 1);
            set(address + 8, 1);
            System.out.println("inside is fine");
            set(placement == Placement.ENDS_AT_GUARD ? address + 9 : address - 1, 1);
            System.out.println("survived");
        }
    }
}
