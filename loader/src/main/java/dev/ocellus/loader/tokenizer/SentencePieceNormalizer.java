package dev.ocellus.loader.tokenizer;

/**
 * The text changes before SentencePiece splits: replacements, spaces to marks, the mark before the
 * first word.
 */
final class SentencePieceNormalizer {
    private final SentencePieceFile.Normalizer rules;
    private final PrefixMatcher userSymbols;
    private final CharsMap charsMap;

    SentencePieceNormalizer(SentencePieceFile.Normalizer rules, PrefixMatcher userSymbols)
            throws ProtobufReader.MalformedException {
        this.rules = rules;
        this.userSymbols = userSymbols;
        this.charsMap = rules.charsMap().length == 0 ? null : new CharsMap(rules.charsMap());
    }

    String normalize(String text) {
        String mark = rules.escapeWhitespaces() ? SentencePieceModel.SPACE_MARK : " ";
        boolean squeeze = rules.removeExtraWhitespaces();
        int at = 0;
        while (squeeze && at < text.length()) {
            CharsMap.Match match = prefix(text, at);
            if (!match.replacement().equals(" ")) {
                break;
            }
            at = match.end();
        }
        if (at == text.length()) {
            return "";
        }
        StringBuilder result = new StringBuilder(text.length() + 8);
        if (rules.addDummyPrefix()) {
            result.append(mark);
        }
        boolean afterSpace = squeeze;
        while (at < text.length()) {
            CharsMap.Match match = prefix(text, at);
            at = match.end();
            String replacement = match.replacement();
            int start = 0;
            while (afterSpace && start < replacement.length() && replacement.charAt(start) == ' ') {
                start++;
            }
            if (start < replacement.length()) {
                result.append(replacement.substring(start).replace(" ", mark));
                afterSpace = squeeze && replacement.endsWith(" ");
            }
        }
        while (squeeze && result.length() >= mark.length() && endsWith(result, mark)) {
            result.setLength(result.length() - mark.length());
        }
        return result.toString();
    }

    private static boolean endsWith(StringBuilder text, String end) {
        return text.indexOf(end, text.length() - end.length()) >= 0;
    }

    /** The normal form of the shortest part at {@code at} that has one of its own. */
    private CharsMap.Match prefix(String text, int at) {
        int symbol = userSymbols.match(text, at);
        if (symbol > 0) {
            return new CharsMap.Match(at + symbol, text.substring(at, at + symbol));
        }
        CharsMap.Match match = charsMap == null ? null : charsMap.longest(text, at);
        if (match != null) {
            return match;
        }
        int end = text.offsetByCodePoints(at, 1);
        return new CharsMap.Match(end, text.substring(at, end));
    }
}
