package dev.ocellus.kernels;

import dev.ocellus.kernels.scalar.ScalarProvider;

import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The choice of CPU kernels, made once for the process and logged in one line. The property {@code
 * ocellus.provider} is {@code native}, {@code scalar} or {@code auto} (the default): the native
 * kernels when they can be loaded, else the plain Java ones. A provider that was asked for by name
 * is never replaced by another. Thread-safe.
 */
public final class KernelProviders {
    /** Name of the property that chooses the provider. */
    public static final String PROPERTY = "ocellus.provider";

    private static KernelProvider chosen;

    /**
     * The provider of this process.
     *
     * @throws IllegalStateException if the property asks for a provider that is not there
     * @throws IllegalArgumentException if the property has another value than those three
     */
    public static synchronized KernelProvider get() {
        if (chosen == null) {
            Choice choice =
                    choose(
                            System.getProperty(PROPERTY, "auto"),
                            nativeProvider(),
                            nativeUnavailableReason());
            System.getLogger(KernelProviders.class.getName()).log(choice.level(), choice.message());
            chosen = choice.provider();
        }
        return chosen;
    }

    /** All providers that work on this machine, fastest first. */
    public static List<KernelProvider> available() {
        List<KernelProvider> providers = new ArrayList<>();
        nativeProvider().ifPresent(providers::add);
        providers.add(new ScalarProvider());
        return List.copyOf(providers);
    }

    private static Optional<KernelProvider> nativeProvider() {
        return Optional.empty();
    }

    private static String nativeUnavailableReason() {
        return "they are not part of this build";
    }

    /** A provider and the line to log about it. */
    record Choice(KernelProvider provider, Level level, String message) {}

    static Choice choose(String wanted, Optional<KernelProvider> natives, String missing) {
        return switch (wanted) {
            case "native" ->
                    natives.map(provider -> new Choice(provider, Level.INFO, report(provider)))
                            .orElseThrow(
                                    () ->
                                            new IllegalStateException(
                                                    PROPERTY
                                                            + "=native, but there are no native"
                                                            + " kernels: "
                                                            + missing
                                                            + "; set "
                                                            + PROPERTY
                                                            + "=auto to run plain Java instead"));
            case "scalar" -> {
                KernelProvider scalar = new ScalarProvider();
                String reason = ", as " + PROPERTY + "=scalar asks";
                yield new Choice(scalar, Level.INFO, report(scalar) + reason);
            }
            case "auto" ->
                    natives.map(provider -> new Choice(provider, Level.INFO, report(provider)))
                            .orElseGet(() -> slower(missing));
            default ->
                    throw new IllegalArgumentException(
                            PROPERTY + "=" + wanted + ": must be native, scalar or auto");
        };
    }

    private static Choice slower(String missing) {
        KernelProvider scalar = new ScalarProvider();
        String reason = ", many times slower, as there are no native kernels: ";
        return new Choice(scalar, Level.WARNING, report(scalar) + reason + missing);
    }

    private static String report(KernelProvider provider) {
        return "CPU kernels: " + provider.name() + " (" + provider.description() + ")";
    }

    private KernelProviders() {}
}
