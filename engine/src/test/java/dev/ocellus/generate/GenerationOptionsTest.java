package dev.ocellus.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

import java.util.List;

class GenerationOptionsTest {
    private static final GenerationOptions DEFAULT = GenerationOptions.DEFAULT;

    private static void refuses(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }

    @Test
    void valuesOutOfRangeAreNamed() {
        refuses(() -> DEFAULT.withMaxNewTokens(0), "maxNewTokens is 0; it must be at least 1");
        refuses(
                () -> DEFAULT.withTemperature(-0.5),
                "temperature is -0.5; it must be 0 (greedy) or at least 0.000001");
        refuses(
                () -> DEFAULT.withTemperature(1e-9),
                "temperature is 1.0E-9; it must be 0 (greedy) or at least 0.000001");
        refuses(
                () -> DEFAULT.withTemperature(Double.NaN),
                "temperature is NaN; it must be 0 (greedy) or at least 0.000001");
        refuses(() -> DEFAULT.withTopK(-1), "topK is -1; it must be 0 (all) or more");
        refuses(() -> DEFAULT.withTopP(0), "topP is 0.0; it must be over 0 and at most 1");
        refuses(() -> DEFAULT.withTopP(1.01), "topP is 1.01; it must be over 0 and at most 1");
        refuses(() -> DEFAULT.withMinP(-0.1), "minP is -0.1; it must be between 0 and 1");
        refuses(() -> DEFAULT.withMinP(2), "minP is 2.0; it must be between 0 and 1");
        refuses(
                () -> DEFAULT.withRepetitionPenalty(0),
                "repetitionPenalty is 0.0; it must be over 0 and finite");
        refuses(
                () -> DEFAULT.withRepetitionPenalty(Double.POSITIVE_INFINITY),
                "repetitionPenalty is Infinity; it must be over 0 and finite");
        refuses(
                () -> DEFAULT.withStopStrings(List.of("a", "")),
                "stopStrings is [a, ]; it must be texts that are not empty");
    }

    @Test
    void eachMethodChangesOneValue() {
        GenerationOptions all =
                DEFAULT.withMaxNewTokens(7)
                        .withTemperature(0.5)
                        .withTopK(3)
                        .withTopP(0.9)
                        .withMinP(0.1)
                        .withRepetitionPenalty(1.2)
                        .withSeed(42)
                        .withStopStrings(List.of("x"))
                        .withStopTokens(List.of(5));
        assertThat(all)
                .isEqualTo(
                        new GenerationOptions(
                                7, 0.5, 3, 0.9, 0.1, 1.2, 42, List.of("x"), List.of(5)));
    }
}
