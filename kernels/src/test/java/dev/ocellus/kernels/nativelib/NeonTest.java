package dev.ocellus.kernels.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.stream.Stream;

/**
 * The NEON kernels on machines of another kind, where the operation tests run them in an emulator.
 * Without one, or without a cross compiler, these tests are skipped: each instruction set is
 * untested by its name, with the reason.
 */
class NeonTest {
    static Stream<String> instructionSets() {
        return NativeProvider.INSTRUCTION_SETS.stream().filter(s -> s.startsWith("neon"));
    }

    private static void assumeInstalled(String what, String... commands) {
        NeonBuild.missing(commands)
                .map(command -> "native kernels: " + what + " untested: there is no " + command)
                .ifPresent(Assumptions::abort);
    }

    @Test
    void kernelsCompileWithoutWarnings() {
        assumeInstalled("warnings for neon and neondot", NeonBuild.COMPILER);
        assertThatCode(NeonBuild::library).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @MethodSource("instructionSets")
    void operationTestsRunEachInstructionSet(String set) {
        if (!EmulatedProvider.runsHere(set)) {
            assumeInstalled(set, NeonBuild.COMPILER, NeonBuild.EMULATOR);
            assertThat(EmulatedProvider.available())
                    .anyMatch(provider -> provider.description().startsWith(set + " on "));
        }
    }

    @Test
    void dotProductsNeedAProcessorThatHasThem() {
        assumeInstalled("choice of neondot", NeonBuild.COMPILER, NeonBuild.EMULATOR);
        assertThatThrownBy(new KernelServer("neondot", EmulatedProvider.WITHOUT_DOT)::start)
                .hasMessageContaining("this processor does not have the instruction set");
        new KernelServer("neondot", EmulatedProvider.WITH_DOT).start();
    }

    @Test
    void anAccessOutsideTheOperandsIsAnError() {
        assumeInstalled("accesses of neon", NeonBuild.COMPILER, NeonBuild.EMULATOR);
        EmulatedProvider neon = EmulatedProvider.NEON;
        KernelCall call = new KernelCall.Activate(4096, 1, 4096, 1, 1, 0, 1, Activation.SILU);
        try (Arena arena = Arena.ofConfined()) {
            List<Launch> launches = neon.bind(call, 0, arena);
            Launch activate = launches.getFirst();
            for (int again = 0; again < 2; again++) {
                assertThat(activate.units()).isEqualTo(1);
                assertThatThrownBy(() -> activate.run(0, 1))
                        .hasMessage("emulated neon: Activate touched 0x1000, which is no operand");
            }
        }
    }
}
