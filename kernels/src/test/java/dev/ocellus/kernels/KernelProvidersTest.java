package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ocellus.kernels.KernelProviders.Choice;
import dev.ocellus.kernels.KernelProviders.Found;

import org.junit.jupiter.api.Test;

import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

class KernelProvidersTest {
    private static final KernelProvider FAST = new Named("native");
    private static final KernelProvider VECTOR = new Named("vector");
    private static final Found NO_COMPILER = new Found(Optional.empty(), "no compiler was found");
    private static final Found NO_MODULE = new Found(Optional.empty(), "no module was added");

    private record Named(String name) implements KernelProvider {
        @Override
        public String description() {
            return "a test's";
        }

        @Override
        public long scratchBytes(KernelCall call) {
            return 0;
        }

        @Override
        public List<Launch> bind(KernelCall call, long scratch, Arena arena) {
            return List.of();
        }
    }

    @Test
    void noProviderChoosesTokens() {
        KernelCall sample = new KernelCall.Sample(64, 7, 64, 64, 0, 0, 0, 1, 0, 7);
        for (KernelProvider provider : KernelProviders.available()) {
            try (Arena arena = Arena.ofConfined()) {
                assertThatThrownBy(() -> provider.bind(sample, 0, arena))
                        .as(provider.name())
                        .isInstanceOf(UnsupportedOperationException.class)
                        .hasMessageContaining("choose no tokens of 7");
            }
        }
    }

    private static Choice with(String wanted) {
        return choose(wanted, found(FAST), found(VECTOR));
    }

    private static Choice without(String wanted) {
        return choose(wanted, NO_COMPILER, NO_MODULE);
    }

    private static Choice choose(String wanted, Found natives, Found vectors) {
        return KernelProviders.choose(wanted, () -> natives, () -> vectors);
    }

    private static Found found(KernelProvider provider) {
        return new Found(Optional.of(provider), "");
    }

    @Test
    void autoTakesNativeWhenItIsThere() {
        assertThat(with("auto").provider()).isSameAs(FAST);
        assertThat(with("auto").message()).isEqualTo("CPU kernels: native (a test's)");
        assertThat(with("native").provider()).isSameAs(FAST);
    }

    @Test
    void autoSaysWhyItTookTheSlowerOne() {
        Choice choice = without("auto");
        assertThat(choice.provider().name()).isEqualTo("scalar");
        assertThat(choice.level()).isEqualTo(Level.WARNING);
        assertThat(choice.message()).contains("scalar", "slower", "no compiler was found");
    }

    @Test
    void autoTakesVectorsWhereNothingNativeIs() {
        Choice choice = choose("auto", NO_COMPILER, found(VECTOR));
        assertThat(choice.provider()).isSameAs(VECTOR);
        assertThat(choice.message())
                .isEqualTo(
                        "CPU kernels: vector (a test's); native kernels cannot be used: no compiler was found");
    }

    @Test
    void whatIsForcedOrBetterLoadsNothingElse() {
        Supplier<Found> loaded =
                () -> {
                    throw new AssertionError("loaded");
                };
        Choice scalar = KernelProviders.choose("scalar", loaded, loaded);
        assertThat(scalar.provider().name()).isEqualTo("scalar");
        assertThat(scalar.level()).isEqualTo(Level.INFO);
        Choice vector = KernelProviders.choose("vector", loaded, () -> found(VECTOR));
        assertThat(vector.provider()).isSameAs(VECTOR);
        Choice best = KernelProviders.choose("auto", () -> found(FAST), loaded);
        assertThat(best.provider()).isSameAs(FAST);
    }

    @Test
    void aForcedProviderThatIsMissingIsAnError() {
        assertThatThrownBy(() -> without("native"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no compiler was found")
                .hasMessageContaining("ocellus.provider=auto");
        assertThatThrownBy(() -> without("vector"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no module was added");
        assertThatThrownBy(() -> with("fast"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("must be native, vector, scalar or auto");
    }

    /** Prints the name of the provider, or why there is none. */
    static final class WithoutModule {
        public static void main(String[] args) {
            try {
                System.out.println(KernelProviders.get().name());
            } catch (IllegalStateException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @Test
    void withoutTheModuleVectorsAreAnErrorThatSaysHowToGetThem() throws Exception {
        assertThat(outputOf("-Docellus.provider=vector"))
                .contains("ocellus.provider=vector")
                .contains("start Java with --add-modules jdk.incubator.vector");
        assertThat(outputOf("-Docellus.provider=vector", "--add-modules", "jdk.incubator.vector"))
                .isEqualTo("vector");
        assertThat(outputOf("-Docellus.provider=auto", "-Docellus.isa=none")).isEqualTo("scalar");
    }

    private static String outputOf(String... options) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.addAll(List.of(options));
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(WithoutModule.class.getName());
        Process process =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
        assertThat(process.waitFor()).isZero();
        return output;
    }

    @Test
    void theChoiceIsMadeOnce() {
        assertThat(KernelProviders.get()).isSameAs(KernelProviders.get());
        assertThat(KernelProviders.available())
                .extracting(KernelProvider::name)
                .contains("scalar", KernelProviders.get().name());
    }
}
