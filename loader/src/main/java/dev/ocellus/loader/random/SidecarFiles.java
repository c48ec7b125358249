package dev.ocellus.loader.random;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.config.Json;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The JSON files beside the weights: tokenizer, preprocessing, generation. */
final class SidecarFiles {
    private static final List<Double> IMAGENET_MEAN = List.of(0.485, 0.456, 0.406);
    private static final List<Double> IMAGENET_STD = List.of(0.229, 0.224, 0.225);
    private static final List<Double> CLIP_MEAN = List.of(0.48145466, 0.4578275, 0.40821073);
    private static final List<Double> CLIP_STD = List.of(0.26862954, 0.26130258, 0.27577711);
    private static final int BICUBIC = 3;

    private SidecarFiles() {}

    /** File names and contents for a model of this configuration. */
    static Map<String, ObjectNode> of(Json config) {
        Map<String, ObjectNode> files = new TreeMap<>();
        boolean huggingFace = config.has("text_config");
        Json vision = config.findObject("vision_config").orElse(config);
        if (vision.has("patch_size")) {
            int size = vision.getInts("image_size").getFirst();
            files.put("preprocessor_config.json", preprocessor(config, vision, huggingFace, size));
        }
        if (huggingFace) {
            files.put(
                    "processor_config.json",
                    object().put("image_seq_length", config.getInt("image_seq_length", 256))
                            .put("processor_class", "InternVLProcessor"));
        }
        if (hasChatTokens(config)) {
            ChatTokens tokens = ChatTokens.of(config);
            files.put("tokenizer.json", tokenizer(tokens));
            files.put("tokenizer_config.json", tokenizerConfig(tokens));
            files.put(
                    "generation_config.json",
                    object().put("do_sample", false)
                            .put("eos_token_id", tokens.id(tokens.stop))
                            .put("pad_token_id", tokens.id(tokens.pad)));
        }
        return files;
    }

    /** Puts the token ids of the small tokenizer where the configuration names some. */
    static void setTokenIds(ObjectNode config) {
        Json json = Json.of("config.json", config);
        if (!hasChatTokens(json)) {
            return;
        }
        ChatTokens tokens = ChatTokens.of(json);
        if (config.has("image_token_id")) {
            config.put("image_token_id", tokens.id("<IMG_CONTEXT>"));
        }
        ObjectNode language = config;
        for (String key : List.of("llm_config", "text_config")) {
            if (config.has(key)) {
                language = config.withObject(key);
            }
        }
        language.putNull("bos_token_id");
        language.put("eos_token_id", tokens.id(tokens.stop));
        language.put("pad_token_id", tokens.id(tokens.pad));
    }

    /**
     * Towers alone have no text; InternVL 1.0 needs fixed ids that a tokenizer of bytes can't have.
     */
    private static boolean hasChatTokens(Json config) {
        return config.has("llm_config") || config.has("text_config") || config.has("vocab_size");
    }

    private static ObjectNode preprocessor(
            Json config, Json vision, boolean huggingFace, int imageSize) {
        boolean clip = vision.getString("model_type").startsWith("clip");
        ObjectNode file = object();
        file.put("do_normalize", true);
        file.put("do_resize", true);
        (clip ? CLIP_MEAN : IMAGENET_MEAN).forEach(file.putArray("image_mean")::add);
        (clip ? CLIP_STD : IMAGENET_STD).forEach(file.putArray("image_std")::add);
        file.put("resample", BICUBIC);
        if (huggingFace) {
            file.put("crop_to_patches", true);
            file.put("do_convert_rgb", true);
            file.put("do_rescale", true);
            file.put("image_processor_type", "GotOcr2ImageProcessor");
            file.put("max_patches", 12);
            file.put("min_patches", 1);
            file.put("rescale_factor", 1 / 255.0);
            file.putObject("size").put("height", imageSize).put("width", imageSize);
        } else {
            int size = config.getInt("force_image_size", imageSize);
            file.put("crop_size", size);
            file.put("do_center_crop", true);
            file.put("feature_extractor_type", "CLIPFeatureExtractor");
            file.put("size", size);
        }
        return file;
    }

    /** Byte-level BPE without merges: one token for each byte, then the special tokens. */
    private static ObjectNode tokenizer(ChatTokens tokens) {
        ObjectNode file = object();
        file.put("version", "1.0");
        file.putNull("truncation");
        file.putNull("padding");
        var added = file.putArray("added_tokens");
        for (String special : tokens.special()) {
            added.addObject()
                    .put("id", tokens.id(special))
                    .put("content", special)
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
        }
        file.putNull("normalizer");
        file.putObject("pre_tokenizer")
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", false);
        file.putNull("post_processor");
        file.putObject("decoder")
                .put("type", "ByteLevel")
                .put("add_prefix_space", true)
                .put("trim_offsets", true)
                .put("use_regex", true);
        ObjectNode model = file.putObject("model");
        model.put("type", "BPE");
        model.putNull("dropout");
        model.putNull("unk_token");
        model.putNull("continuing_subword_prefix");
        model.putNull("end_of_word_suffix");
        model.put("fuse_unk", false);
        model.put("byte_fallback", false);
        ObjectNode vocabulary = model.putObject("vocab");
        int moved = 0;
        for (int b = 0; b < ChatTokens.BYTES; b++) {
            // Bytes that are no visible character are written as the characters from 256 on.
            char symbol = (char) (visible(b) ? b : ChatTokens.BYTES + moved++);
            vocabulary.put(String.valueOf(symbol), b);
        }
        model.putArray("merges");
        return file;
    }

    private static boolean visible(int b) {
        return b > ' ' && b <= '~' || b > 0xa0 && b != 0xad;
    }

    private static ObjectNode tokenizerConfig(ChatTokens tokens) {
        ObjectNode file = object();
        file.put("add_bos_token", false);
        file.putNull("bos_token");
        file.put("chat_template", tokens.chatTemplate());
        file.put("clean_up_tokenization_spaces", false);
        file.put("context_image_token", "<IMG_CONTEXT>");
        file.put("end_image_token", "</img>");
        file.put("eos_token", tokens.stop);
        file.put("model_max_length", 32768);
        file.put("pad_token", tokens.pad);
        file.put("padding_side", "left");
        file.put("start_image_token", "<img>");
        file.put("tokenizer_class", "PreTrainedTokenizerFast");
        return file;
    }

    private static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }
}
