package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;

class KernelProvidersTest {
    private static final KernelProvider FAST =
            new KernelProvider() {
                @Override
                public String name() {
                    return "native";
                }

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
            };

    private static KernelProviders.Choice with(String wanted) {
        return KernelProviders.choose(wanted, () -> Optional.of(FAST), () -> null);
    }

    private static KernelProviders.Choice without(String wanted) {
        return KernelProviders.choose(wanted, Optional::empty, () -> "no compiler was found");
    }

    @Test
    void autoTakesNativeWhenItIsThere() {
        assertThat(with("auto").provider()).isSameAs(FAST);
        assertThat(with("auto").message()).isEqualTo("CPU kernels: native (a test's)");
        assertThat(with("native").provider()).isSameAs(FAST);
    }

    @Test
    void autoSaysWhyItTookTheSlowerOne() {
        KernelProviders.Choice choice = without("auto");
        assertThat(choice.provider().name()).isEqualTo("scalar");
        assertThat(choice.level()).isEqualTo(Level.WARNING);
        assertThat(choice.message()).contains("scalar", "slower", "no compiler was found");
    }

    @Test
    void scalarCanBeForcedAndThenNothingNativeIsLoaded() {
        KernelProviders.Choice choice =
                KernelProviders.choose(
                        "scalar",
                        () -> {
                            throw new AssertionError("loaded");
                        },
                        () -> null);
        assertThat(choice.provider().name()).isEqualTo("scalar");
        assertThat(choice.level()).isEqualTo(Level.INFO);
    }

    @Test
    void aForcedProviderThatIsMissingIsAnError() {
        assertThatThrownBy(() -> without("native"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no compiler was found")
                .hasMessageContaining("ocellus.provider=auto");
        assertThatThrownBy(() -> with("fast"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("must be native, scalar or auto");
    }

    @Test
    void theChoiceIsMadeOnce() {
        assertThat(KernelProviders.get()).isSameAs(KernelProviders.get());
        assertThat(KernelProviders.available())
                .extracting(KernelProvider::name)
                .contains("scalar", KernelProviders.get().name());
    }
}
