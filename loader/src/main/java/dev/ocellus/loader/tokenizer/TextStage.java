package dev.ocellus.loader.tokenizer;

import dev.ocellus.loader.text.PythonText;

import java.util.List;

/**
 * A change of decoded text that works on text as it arrives: the pieces together equal the change
 * of the whole.
 */
interface TextStage {

    /** Takes more text and returns what is settled. */
    String accept(String text);

    /** Returns what was held back. */
    String finish();

    static TextStage none() {
        return new TextStage() {
            @Override
            public String accept(String text) {
                return text;
            }

            @Override
            public String finish() {
                return "";
            }
        };
    }

    /** Removes the spaces that word-wise tokenizers leave before punctuation and contractions. */
    static TextStage cleanUp() {
        return chain(
                List.of(
                        new Replace(" .", "."),
                        new Replace(" ?", "?"),
                        new Replace(" !", "!"),
                        new Replace(" ,", ","),
                        new Replace(" ' ", "'"),
                        new Replace(" n't", "n't"),
                        new Replace(" 'm", "'m"),
                        new Replace(" 's", "'s"),
                        new Replace(" 've", "'ve"),
                        new Replace(" 're", "'re")));
    }

    /** The stages one after the other. */
    static TextStage chain(List<TextStage> stages) {
        return new TextStage() {
            @Override
            public String accept(String text) {
                String changed = text;
                for (TextStage stage : stages) {
                    changed = stage.accept(changed);
                }
                return changed;
            }

            @Override
            public String finish() {
                String rest = "";
                for (TextStage stage : stages) {
                    rest = stage.accept(rest) + stage.finish();
                }
                return rest;
            }
        };
    }

    /** Replaces every occurrence of a pattern, from left to right. */
    final class Replace implements TextStage {
        private final String pattern;
        private final String replacement;
        private String held = "";

        Replace(String pattern, String replacement) {
            this.pattern = pattern;
            this.replacement = replacement;
        }

        @Override
        public String accept(String text) {
            String all = held + text;
            StringBuilder out = new StringBuilder();
            int start = 0;
            for (int at = all.indexOf(pattern); at >= 0; at = all.indexOf(pattern, start)) {
                out.append(all, start, at).append(replacement);
                start = at + pattern.length();
            }
            int end = Math.max(start, all.length() - pattern.length() + 1);
            while (end < all.length() && !pattern.startsWith(all.substring(end))) {
                end++;
            }
            held = all.substring(end);
            return out.append(all, start, end).toString();
        }

        @Override
        public String finish() {
            return held;
        }
    }

    /** Removes white space at both ends of the whole text. */
    final class Strip implements TextStage {
        private String spaces = "";
        private boolean started;

        @Override
        public String accept(String text) {
            String all = started ? spaces + text : PythonText.stripLeft(text);
            String settled = PythonText.stripRight(all);
            started |= !settled.isEmpty();
            spaces = all.substring(settled.length());
            return settled;
        }

        @Override
        public String finish() {
            return "";
        }
    }
}
