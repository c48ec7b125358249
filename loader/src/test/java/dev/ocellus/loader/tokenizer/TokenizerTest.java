package dev.ocellus.loader.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

class TokenizerTest {
    @TempDir private Path folder;

    private static Tokenizer open(String name) {
        return Tokenizer.load(TokenizerReferenceTest.folder(name));
    }

    /** Copies a reference folder so that a test can damage it. */
    private void copy(String name) throws IOException {
        try (var files = Files.list(TokenizerReferenceTest.folder(name))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
    }

    private void edit(String file, Consumer<ObjectNode> change) throws IOException {
        ObjectNode content = JsonFiles.object(folder.resolve(file));
        change.accept(content);
        Files.writeString(folder.resolve(file), JsonFiles.write(content));
    }

    private void assertRefused(String file, String rule) {
        assertThatThrownBy(() -> Tokenizer.load(folder))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining(file)
                .hasMessageContaining(rule);
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen3-json", "llama-flags", "qwen2-flags", "phi3-json"})
    void resolvesTokensAndIds(String name) {
        Tokenizer tokenizer = open(name);
        for (int id = 0; id < tokenizer.vocabularySize(); id++) {
            String token = tokenizer.token(id).orElseThrow();
            assertThat(tokenizer.id(token)).as(token).hasValue(id);
        }
        assertThat(tokenizer.id("no such token")).isEmpty();
        assertThat(tokenizer.token(-1)).isEmpty();
        assertThat(tokenizer.token(tokenizer.vocabularySize())).isEmpty();
        assertThat(tokenizer.isSpecial(-1)).isFalse();
        String eos = tokenizer.eosToken().orElseThrow();
        assertThat(tokenizer.isSpecial(tokenizer.id(eos).orElseThrow())).isTrue();
        assertThat(tokenizer.isSpecial(tokenizer.id("a").orElseThrow())).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "qwen3-json",
                "llama-flags",
                "qwen2-flags",
                "phi3-json",
                "internlm2",
                "clip-slow"
            })
    void ignoresIdsWithoutToken(String name) {
        Tokenizer tokenizer = open(name);
        int[] ids = tokenizer.encode("the cat", false);
        int[] more =
                IntStream.concat(
                                Arrays.stream(ids),
                                IntStream.of(-1, tokenizer.vocabularySize(), Integer.MAX_VALUE))
                        .toArray();

        assertThat(tokenizer.decode(more, true)).isEqualTo(tokenizer.decode(ids, true));
        assertThat(tokenizer.decode(new int[0], true)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen3-json", "qwen2-flags", "llama-flags", "phi3-json"})
    void streamsWholeCharacters(String name) {
        Tokenizer tokenizer = open(name);
        String text = "A 👨‍👩‍👧‍👦 猫";
        StreamingDecoder decoder = tokenizer.streaming(true);
        StringBuilder streamed = new StringBuilder();
        for (int id : tokenizer.encode(text, true)) {
            String part = decoder.append(id);
            assertThat(part).doesNotContain("\ufffd");
            assertThat(part.codePoints()).noneMatch(c -> c >= 0xd800 && c < 0xe000);
            streamed.append(part);
        }
        assertThat(streamed + decoder.finish()).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen3-json", "qwen2-flags", "llama-flags", "clip-slow"})
    void takesASurrogateWithoutPartnerAsReplacementCharacter(String name) {
        Tokenizer tokenizer = open(name);

        assertThat(tokenizer.encode("a\ud83db", true))
                .isEqualTo(tokenizer.encode("a\ufffdb", true));
    }

    @Test
    void tokenizesLongRunsInReasonableWork() {
        String run = "a".repeat(200_000);
        for (String name : List.of("qwen2-flags", "llama-flags", "unigram-rules")) {
            Tokenizer tokenizer = open(name);
            assertThat(tokenizer.decode(tokenizer.encode(run, false), true)).isEqualTo(run);
        }
    }

    @Test
    void prefersTokenizerJson() throws IOException {
        copy("qwen3-json");
        Files.writeString(folder.resolve("vocab.json"), "not json");

        assertThat(Tokenizer.load(folder).id("<think>")).isPresent();
    }

    @Test
    void readsTheOlderLayout() throws IOException {
        copy("llama-legacy-flags");
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"tokenizer_class\": \"LlamaTokenizer\", \"bos_token\": {\"__type\": \"AddedToken\", \"content\": \"<s>\"}}");
        Files.writeString(
                folder.resolve("special_tokens_map.json"),
                "{\"additional_special_tokens\": [\"<x>\"], \"pad_token\": \"<unk>\"}");
        int size = SentencePieceFile.read(folder.resolve("tokenizer.model")).pieces().size();
        Files.writeString(
                folder.resolve("added_tokens.json"),
                "{\"<x>\": " + size + ", \"<y>\": " + (size + 1) + "}");

        Tokenizer tokenizer = Tokenizer.load(folder);

        assertThat(tokenizer.encode("<x><y>", true)).containsExactly(1, size, size + 1);
        assertThat(tokenizer.isSpecial(size)).isTrue();
        assertThat(tokenizer.isSpecial(size + 1)).isFalse();
        assertThat(tokenizer.padToken()).contains("<unk>");
    }

    @Test
    void refusesATruncatedSentencePieceModel() throws IOException {
        copy("llama-flags");
        Path model = folder.resolve("tokenizer.model");
        byte[] bytes = Files.readAllBytes(model);
        for (int length : new int[] {0, 1, 2, 100, bytes.length / 2, bytes.length - 1}) {
            Files.write(model, Arrays.copyOf(bytes, length));
            assertThatThrownBy(() -> Tokenizer.load(folder))
                    .as("%d bytes", length)
                    .isInstanceOf(TokenizerException.class)
                    .hasMessageContaining("tokenizer.model");
        }
    }

    @Test
    void refusesAMissingSentencePieceModel() throws IOException {
        copy("llama-flags");
        Files.delete(folder.resolve("tokenizer.model"));

        assertRefused("tokenizer.model", "is missing");
    }

    @Test
    void refusesMissingMerges() throws IOException {
        copy("qwen2-flags");
        Files.delete(folder.resolve("merges.txt"));

        assertRefused("merges.txt", "is missing");
    }

    @ParameterizedTest
    @CsvSource({"a b c, is not a pair", "quux zz, names 'quux'"})
    void refusesBadMerges(String line, String rule) throws IOException {
        copy("qwen2-flags");
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n" + line + "\n");

        assertRefused("merges.txt", rule);
    }

    @ParameterizedTest
    @ValueSource(strings = {"vocab.json", "tokenizer_config.json"})
    void refusesInvalidJson(String file) throws IOException {
        copy("qwen2-flags");
        Files.writeString(folder.resolve(file), "{\"a\": 1");
        assertRefused(file, "is not valid JSON");

        Files.writeString(folder.resolve(file), "[]");
        assertRefused(file, "is not a JSON object");
    }

    @Test
    void refusesWrongTypes() throws IOException {
        copy("qwen2-flags");
        edit("vocab.json", vocabulary -> vocabulary.put("a", "x"));
        assertRefused("vocab.json", "'a'");

        copyAgain("llama-flags");
        edit("tokenizer_config.json", config -> config.put("added_tokens_decoder", 1));
        assertRefused("tokenizer_config.json", "added_tokens_decoder");

        copyAgain("llama-flags");
        edit("tokenizer_config.json", config -> config.put("add_bos_token", "yes"));
        assertRefused("tokenizer_config.json", "add_bos_token");
    }

    private void copyAgain(String name) throws IOException {
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        copy(name);
    }

    @Test
    void refusesDamagedTokenizerJson() throws IOException {
        copy("phi3-json");
        edit("tokenizer.json", json -> json.withObject("/model").remove("vocab"));
        assertRefused("tokenizer.json", "vocab");

        copyAgain("phi3-json");
        edit("tokenizer.json", json -> json.withObject("/model/vocab").remove("▁the"));
        assertRefused("tokenizer.json", "'▁the'");

        copyAgain("phi3-json");
        edit("tokenizer.json", json -> json.putObject("normalizer").put("type", "Nothing"));
        assertRefused("tokenizer.json", "'Nothing'");

        copyAgain("phi3-json");
        edit(
                "tokenizer.json",
                json ->
                        json.putObject("normalizer")
                                .put("type", "Precompiled")
                                .put("precompiled_charsmap", "AAAAAA=="));
        assertRefused("tokenizer.json", "replacement table");
    }

    @Test
    void refusesAnUnknownClassAndNamesTheKnownOnes() throws IOException {
        Files.writeString(
                folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"FooTokenizer\"}");

        assertRefused("tokenizer_config.json", "Qwen2Tokenizer");
    }

    @Test
    void refusesAFolderWithoutTokenizer() {
        assertRefused(folder.toString(), "tokenizer.json");
        assertThatThrownBy(() -> Tokenizer.load(folder.resolve("none")))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("is not a folder");
    }
}
