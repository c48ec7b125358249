package dev.ocellus.kernels;

import dev.ocellus.kernels.MatMulOperationTest.Size;
import dev.ocellus.kernels.MatMulOperationTest.Types;
import dev.ocellus.kernels.OperationCheck.Setting;
import dev.ocellus.kernels.cuda.CudaProvider;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.stream.Stream;

/**
 * Linear layers whose products are a library's: every set of optional operands with every
 * activation, as it depends on them what the library does and what follows it.
 */
class LibraryProductOperationTest {
    private static final int CHOICES = 12;
    private static final List<Types> TYPES = List.of(Types.F32, Types.BF16_PRODUCTS);
    private static final List<Size> SIZES =
            List.of(new Size(9, 5, 3), new Size(13, 33, 65), new Size(40, 16, 64));

    static Stream<Setting> settings() {
        return CudaProvider.withLibraries().stream()
                .flatMap(
                        provider ->
                                Stream.of(Placement.values())
                                        .map(place -> new Setting(provider, place)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("settings")
    void linear(Setting setting) {
        for (Types types : TYPES) {
            for (int i = 0; i < CHOICES; i++) {
                int choice = i;
                Size size = SIZES.get(choice % SIZES.size());
                OperationCheck.check(
                        setting,
                        i,
                        (ops, rnd) -> MatMulOperationTest.linear(types, size, choice, ops, rnd));
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("settings")
    void gated(Setting setting) {
        for (Types types : TYPES) {
            for (int i = 0; i < SIZES.size(); i++) {
                int choice = i;
                OperationCheck.check(
                        setting,
                        i,
                        (ops, rnd) ->
                                MatMulOperationTest.gated(
                                        types, SIZES.get(choice), choice, ops, rnd));
            }
        }
    }
}
