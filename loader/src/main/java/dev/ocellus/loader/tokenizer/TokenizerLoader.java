package dev.ocellus.loader.tokenizer;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Picks the tokenizer class of a folder and gives it its files. */
final class TokenizerLoader {
    private static final String SENTENCE_PIECE_FILE = "tokenizer.model";

    private TokenizerLoader() {}

    static Tokenizer load(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new TokenizerException(folder, "is not a folder");
        }
        TokenizerConfig config = TokenizerConfig.read(folder);
        String className = config.className().isEmpty() ? guess(folder) : config.className();
        defaultRoles(className).forEach(config::defaultRole);
        if (Files.isRegularFile(folder.resolve(FastTokenizer.FILE))) {
            return FastTokenizer.open(folder, className, config);
        }
        return switch (className) {
            case "LlamaTokenizer", "InternLM3Tokenizer" -> llama(folder, config);
            case "InternLM2Tokenizer" -> internLm2(folder, config);
            case "Qwen2Tokenizer" -> qwen2(folder, config);
            case "GPT2Tokenizer" -> gpt2(folder, config);
            case "CLIPTokenizer" -> clip(folder, config);
            default ->
                    throw new TokenizerException(
                            config.file(),
                            "tokenizer class '"
                                    + className
                                    + "' is not supported without a "
                                    + FastTokenizer.FILE
                                    + "; supported are LlamaTokenizer, InternLM2Tokenizer, InternLM3Tokenizer,"
                                    + " Qwen2Tokenizer, GPT2Tokenizer and CLIPTokenizer");
        };
    }

    /** A folder whose configuration names no class: its files tell. */
    private static String guess(Path folder) {
        if (Files.isRegularFile(folder.resolve(SENTENCE_PIECE_FILE))) {
            return "LlamaTokenizer";
        }
        if (Files.isRegularFile(folder.resolve(FastTokenizer.FILE))) {
            return "PreTrainedTokenizer";
        }
        throw new TokenizerException(
                folder,
                "has no "
                        + FastTokenizer.FILE
                        + " and no "
                        + TokenizerConfig.FILE
                        + " that names a tokenizer_class");
    }

    /** The special tokens that a class has when the files don't mention them. */
    private static Map<String, String> defaultRoles(String className) {
        return switch (className) {
            case "LlamaTokenizer", "InternLM3Tokenizer" ->
                    Map.of("unk_token", "<unk>", "bos_token", "<s>", "eos_token", "</s>");
            case "InternLM2Tokenizer" ->
                    Map.of(
                            "unk_token",
                            "<unk>",
                            "bos_token",
                            "<s>",
                            "eos_token",
                            "</s>",
                            "pad_token",
                            "</s>");
            case "Qwen2Tokenizer" ->
                    Map.of(
                            "unk_token",
                            "<|endoftext|>",
                            "eos_token",
                            "<|endoftext|>",
                            "pad_token",
                            "<|endoftext|>");
            case "GPT2Tokenizer" ->
                    Map.of(
                            "unk_token",
                            "<|endoftext|>",
                            "bos_token",
                            "<|endoftext|>",
                            "eos_token",
                            "<|endoftext|>");
            case "CLIPTokenizer" ->
                    Map.of(
                            "unk_token",
                            "<|endoftext|>",
                            "bos_token",
                            "<|startoftext|>",
                            "eos_token",
                            "<|endoftext|>",
                            "pad_token",
                            "<|endoftext|>");
            default -> Map.of();
        };
    }

    private static Tokenizer llama(Path folder, TokenizerConfig config) {
        boolean legacy = config.isNull("legacy") || config.flag("legacy", true);
        SentencePieceModel pieces = pieces(folder, legacy);
        LlamaModel model =
                new LlamaModel(
                        pieces,
                        legacy,
                        config.flag("add_prefix_space", true),
                        String.valueOf(config.role("unk_token")));
        return new SlowTokenizer(
                model,
                config,
                new SlowTokenizer.Options(
                        config.flag("add_bos_token", true),
                        config.flag("add_eos_token", false),
                        " ",
                        config.flag("clean_up_tokenization_spaces", false)));
    }

    private static Tokenizer internLm2(Path folder, TokenizerConfig config) {
        return new SlowTokenizer(
                new InternLm2Model(pieces(folder, true)),
                config,
                new SlowTokenizer.Options(
                        config.flag("add_bos_token", true),
                        config.flag("add_eos_token", false),
                        " ",
                        config.flag("clean_up_tokenization_spaces", false)));
    }

    private static SentencePieceModel pieces(Path folder, boolean withDummyPrefix) {
        Path file = folder.resolve(SENTENCE_PIECE_FILE);
        SentencePieceFile content = SentencePieceFile.read(file);
        try {
            return new SentencePieceModel(withDummyPrefix ? content : content.withoutDummyPrefix());
        } catch (ProtobufReader.MalformedException e) {
            throw new TokenizerException(
                    file, "is not a usable SentencePiece model: " + e.getMessage(), e);
        }
    }

    private static Tokenizer qwen2(Path folder, TokenizerConfig config) {
        // The class decodes with its own choices and ignores the configured ones.
        return new SlowTokenizer(
                ByteLevelModel.qwen2(folder, config.role("unk_token")),
                config,
                new SlowTokenizer.Options(false, false, "", false));
    }

    private static Tokenizer gpt2(Path folder, TokenizerConfig config) {
        return new SlowTokenizer(
                ByteLevelModel.gpt2(
                        folder, config.role("unk_token"), config.flag("add_prefix_space", false)),
                config,
                new SlowTokenizer.Options(
                        config.flag("add_bos_token", false),
                        false,
                        " ",
                        config.flag("clean_up_tokenization_spaces", false)));
    }

    private static Tokenizer clip(Path folder, TokenizerConfig config) {
        return new SlowTokenizer(
                new ClipModel(folder, config.role("unk_token")),
                config,
                new SlowTokenizer.Options(
                        true, true, " ", config.flag("clean_up_tokenization_spaces", false)));
    }
}
