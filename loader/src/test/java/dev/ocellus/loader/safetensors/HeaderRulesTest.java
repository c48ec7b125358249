package dev.ocellus.loader.safetensors;

import static dev.ocellus.loader.safetensors.RawFiles.entry;
import static dev.ocellus.loader.safetensors.RawFiles.header;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.ocellus.loader.safetensors.SafetensorsException.Rule;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Every rule of the format, broken one at a time. */
class HeaderRulesTest {
    @TempDir Path folder;

    /** Rule, header, bytes of data behind it, what the message must hold. */
    static Stream<Arguments> brokenHeaders() {
        String ok = entry("a", "F32", "[2]", 0, 8);
        return Stream.of(
                arguments(Rule.HEADER_NOT_JSON, "", 0, "begin"),
                arguments(Rule.HEADER_NOT_JSON, " {}", 0, "begin"),
                arguments(Rule.HEADER_NOT_JSON, "[]", 0, "begin"),
                arguments(Rule.HEADER_NOT_JSON, "null", 0, "begin"),
                arguments(Rule.HEADER_NOT_JSON, "\uFEFF{}", 0, "begin"),
                arguments(Rule.HEADER_NOT_JSON, "{", 0, "JSON"),
                arguments(Rule.HEADER_NOT_JSON, "{}}", 0, "JSON"),
                arguments(Rule.HEADER_NOT_JSON, "{} {}", 0, "follows"),
                arguments(Rule.HEADER_NOT_JSON, "{" + ok + ",}", 8, "JSON"),
                arguments(Rule.HEADER_NOT_JSON, "{'a':1}", 8, "JSON"),
                arguments(Rule.HEADER_NOT_JSON, header(ok).replace("[2]", "[02]"), 8, "JSON"),
                arguments(Rule.HEADER_NOT_JSON, "{" + ok, 8, "JSON"),
                arguments(Rule.HEADER_NOT_JSON, header(ok).replace("[2]", "[NaN]"), 8, "JSON"),
                arguments(Rule.WRONG_KEYS, "{\"a\":".repeat(5000), 0, "unknown key"),
                arguments(Rule.METADATA_NOT_STRINGS, "{\"__metadata__\":1}", 0, "__metadata__"),
                arguments(Rule.METADATA_NOT_STRINGS, "{\"__metadata__\":{\"k\":1}}", 0, "'k'"),
                arguments(Rule.METADATA_NOT_STRINGS, "{\"__metadata__\":{\"k\":null}}", 0, "'k'"),
                arguments(Rule.METADATA_NOT_STRINGS, "{\"__metadata__\":{\"k\":{}}}", 0, "'k'"),
                arguments(Rule.DUPLICATE_NAME, header(ok, ok), 8, "tensor 'a' occurs twice"),
                arguments(
                        Rule.DUPLICATE_NAME,
                        header(ok, ok.replace("\"a\"", "\"\\u0061\"")),
                        8,
                        "tensor 'a' occurs twice"),
                arguments(
                        Rule.DUPLICATE_NAME,
                        header("\"__metadata__\":{}", ok, "\"__metadata__\":{}"),
                        8,
                        "__metadata__"),
                arguments(
                        Rule.DUPLICATE_NAME,
                        "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}",
                        0,
                        "'k' occurs twice"),
                arguments(
                        Rule.DUPLICATE_NAME,
                        header(ok.replace("}", ",\"dtype\":\"F32\"}")),
                        8,
                        "'dtype' twice"),
                arguments(Rule.WRONG_KEYS, "{\"a\":{}}", 0, "tensor 'a' must have"),
                arguments(
                        Rule.WRONG_KEYS,
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}",
                        8,
                        "data_offsets"),
                arguments(Rule.WRONG_KEYS, header(ok.replace("}", ",\"extra\":1}")), 8, "'extra'"),
                arguments(Rule.WRONG_TYPE, "{\"a\":[]}", 0, "tensor 'a'"),
                arguments(Rule.WRONG_TYPE, "{\"a\":null}", 0, "tensor 'a'"),
                arguments(Rule.WRONG_TYPE, header(ok.replace("\"F32\"", "7")), 8, "dtype"),
                arguments(Rule.WRONG_TYPE, header(ok.replace("[2]", "2")), 8, "shape"),
                arguments(Rule.WRONG_TYPE, header(ok.replace("[0,8]", "null")), 8, "data_offsets"),
                arguments(Rule.WRONG_TYPE, header(ok.replace("[0,8]", "[0]")), 8, "1 data_offsets"),
                arguments(Rule.WRONG_TYPE, header(ok.replace("[0,8]", "[0,4,8]")), 8, "3 data_off"),
                arguments(Rule.UNKNOWN_DTYPE, header(ok.replace("F32", "F33")), 8, "'F33', known"),
                arguments(Rule.UNKNOWN_DTYPE, header(ok.replace("F32", "f32")), 8, "'f32'"),
                arguments(Rule.NOT_AN_INTEGER, header(ok.replace("[2]", "[2.0]")), 8, "2.0"),
                arguments(Rule.NOT_AN_INTEGER, header(ok.replace("[2]", "[2e0]")), 8, "2e0"),
                arguments(Rule.NOT_AN_INTEGER, header(ok.replace("[2]", "[\"2\"]")), 8, "2"),
                arguments(Rule.NOT_AN_INTEGER, header(ok.replace("[2]", "[[2]]")), 8, "["),
                arguments(Rule.NOT_AN_INTEGER, header(ok.replace("[2]", "[true]")), 8, "true"),
                arguments(
                        Rule.NOT_AN_INTEGER,
                        header(ok.replace("[2]", "[9223372036854775808]")),
                        8,
                        "9223372036854775808"),
                arguments(Rule.NOT_AN_INTEGER, header(ok.replace("0,8", "0,8.0")), 8, "8.0"),
                arguments(Rule.NEGATIVE, header(ok.replace("[2]", "[-2]")), 8, "-2"),
                arguments(Rule.NEGATIVE, header(ok.replace("[2]", "[-2,-1]")), 8, "-2"),
                arguments(Rule.NEGATIVE, header(entry("a", "F32", "[2]", -8, 0)), 8, "-8"),
                arguments(
                        Rule.SHAPE_OVERFLOW,
                        header(ok.replace("[2]", "[4294967296,4294967296]")),
                        8,
                        "2^63"),
                arguments(
                        Rule.SHAPE_OVERFLOW,
                        header(ok.replace("[2]", "[4611686018427387904]")),
                        8,
                        "2^63"),
                arguments(Rule.RANGE_SIZE, header(entry("a", "F32", "[2]", 0, 7)), 7, "takes 8"),
                arguments(Rule.RANGE_SIZE, header(entry("a", "F32", "[2]", 8, 0)), 8, "-8 bytes"),
                arguments(Rule.RANGE_SIZE, header(entry("a", "F32", "[]", 0, 8)), 8, "takes 4"),
                arguments(
                        Rule.RANGE_SIZE,
                        header(ok.replace("0,8", "0,9223372036854775807")),
                        8,
                        "takes 8"),
                arguments(
                        Rule.OVERLAP,
                        header(ok, entry("b", "U8", "[8]", 4, 12)),
                        12,
                        "'a' and 'b' overlap"),
                arguments(Rule.OVERLAP, header(ok, entry("b", "U8", "[8]", 0, 8)), 8, "overlap"),
                arguments(Rule.HOLE, header(entry("a", "F32", "[2]", 1, 9)), 9, "0 to 1"),
                arguments(
                        Rule.HOLE,
                        header(ok, entry("b", "U8", "[1]", 9, 10)),
                        10,
                        "before tensor 'b'"),
                arguments(Rule.HOLE, header(ok), 9, "last 1 bytes"),
                arguments(Rule.HOLE, header(), 3, "last 3 bytes"),
                arguments(Rule.PAST_END, header(ok), 7, "tensor 'a' ends at byte 8"),
                arguments(Rule.PAST_END, header(ok), 0, "incomplete"));
    }

    @ParameterizedTest
    @MethodSource("brokenHeaders")
    void brokenHeaderIsRefused(Rule rule, String header, int dataBytes, String message) {
        Path file = RawFiles.write(folder.resolve("x.safetensors"), header, new byte[dataBytes]);
        assertRefused(file, rule, message);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7})
    void fileWithoutLengthFieldIsRefused(int bytes) throws IOException {
        assertRefused(write(new byte[bytes]), Rule.FILE_TOO_SHORT, bytes + " bytes");
    }

    @ParameterizedTest
    @ValueSource(longs = {100_000_001, Long.MAX_VALUE, -1, Long.MIN_VALUE})
    void headerLengthOver100MegabytesIsRefused(long length) throws IOException {
        assertRefused(
                write(lengthField(length)), Rule.HEADER_TOO_LONG, Long.toUnsignedString(length));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 100_000_000})
    void headerPastTheEndIsRefused(long length) throws IOException {
        assertRefused(write(lengthField(length)), Rule.HEADER_PAST_END, "the file has 0");
    }

    @Test
    void headerThatIsNotUtf8IsRefused() throws IOException {
        byte[] header = header(entry("a?", "U8", "[1]", 0, 1)).getBytes(StandardCharsets.UTF_8);
        header[3] = (byte) 0xff;
        assertRefused(write(RawFiles.bytes(header, new byte[1])), Rule.HEADER_NOT_UTF8, "UTF-8");
    }

    @Test
    void textFileIsRefusedInOneLine() throws IOException {
        Path file = write("This is a note, not a model.\n".getBytes(StandardCharsets.UTF_8));
        assertRefused(file, Rule.HEADER_TOO_LONG, "not a safetensors file");
    }

    @Test
    void missingFileAndFolderAreRefused() {
        assertRefused(folder.resolve("none.safetensors"), Rule.IO, "does not exist");
        assertRefused(folder, Rule.IO, "is a folder");
    }

    private static void assertRefused(Path file, Rule rule, String message) {
        assertThatThrownBy(() -> SafetensorsFile.open(file).close())
                .isInstanceOfSatisfying(
                        SafetensorsException.class, e -> assertThat(e.rule()).isEqualTo(rule))
                .hasMessageStartingWith(file + ": ")
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(folder.resolve("x.safetensors"), bytes);
    }

    private static byte[] lengthField(long length) {
        return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
    }
}
