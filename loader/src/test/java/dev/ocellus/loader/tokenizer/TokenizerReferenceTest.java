package dev.ocellus.loader.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The expected ids and texts are the reference's: tools/reference/tokenizers/make_tokenizers.py.
 */
class TokenizerReferenceTest {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    static Path folder(String name) {
        try {
            return Path.of(TokenizerReferenceTest.class.getResource("/tokenizers/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "clip-slow",
                "gpt2-json",
                "gpt2-slow",
                "internlm2",
                "internlm3-json",
                "llama-flags",
                "llama-legacy-flags",
                "llama-legacy-squeeze",
                "llama-no-bytes",
                "llama-no-prefix",
                "llama-user-symbols",
                "llama3-json",
                "phi3-json",
                "qwen2-flags",
                "qwen3-json",
                "unigram-rules",
                "wordpiece-json"
            })
    void equalsTheReference(String name) throws IOException {
        Tokenizer tokenizer = Tokenizer.load(folder(name));
        JsonNode expected = MAPPER.readTree(folder(name).resolve("expected.json").toFile());

        JsonNode texts = expected.get("texts");
        assertThat(texts).isNotEmpty();
        for (int i = 0; i < texts.size(); i++) {
            int[] ids = ids(expected.get("ids").get(i));
            assertThat(tokenizer.encode(texts.get(i).asText(), true))
                    .as("ids of %s", texts.get(i))
                    .isEqualTo(ids);
            checkText(tokenizer, ids, true, expected.get("decoded").get(i).asText());
            checkText(tokenizer, ids, false, expected.get("decoded_all").get(i).asText());
        }
        for (int i = 0; i < expected.get("random_ids").size(); i++) {
            int[] ids = ids(expected.get("random_ids").get(i));
            checkText(tokenizer, ids, true, expected.get("random_decoded").get(i).asText());
            checkText(tokenizer, ids, false, expected.get("random_decoded_all").get(i).asText());
        }
        assertThat(tokenizer.vocabularySize())
                .isEqualTo(expected.get("vocabulary_size").intValue());
        assertThat(tokenizer.bosToken()).isEqualTo(token(expected, "bos_token"));
        assertThat(tokenizer.eosToken()).isEqualTo(token(expected, "eos_token"));
        assertThat(tokenizer.padToken()).isEqualTo(token(expected, "pad_token"));
        assertThat(tokenizer.unkToken()).isEqualTo(token(expected, "unk_token"));
    }

    private static void checkText(
            Tokenizer tokenizer, int[] ids, boolean skipSpecialTokens, String expected) {
        assertThat(tokenizer.decode(ids, skipSpecialTokens))
                .as("text of %s", ids)
                .isEqualTo(expected);
        StreamingDecoder decoder = tokenizer.streaming(skipSpecialTokens);
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            text.append(decoder.append(id));
        }
        assertThat(text.append(decoder.finish()).toString())
                .as("streamed text of %s", ids)
                .isEqualTo(expected);
    }

    private static int[] ids(JsonNode list) {
        return MAPPER.convertValue(list, int[].class);
    }

    private static Optional<String> token(JsonNode expected, String role) {
        return Optional.ofNullable(expected.get(role).textValue());
    }
}
