package dev.ocellus.loader.tokenizer;

import static dev.ocellus.loader.tokenizer.SentencePieceFile.BYTE;
import static dev.ocellus.loader.tokenizer.SentencePieceFile.CONTROL;
import static dev.ocellus.loader.tokenizer.SentencePieceFile.UNKNOWN;
import static dev.ocellus.loader.tokenizer.SentencePieceFile.USER_DEFINED;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * A SentencePiece model that tokenises and puts text together, rule for rule as the C++ library
 * does.
 */
final class SentencePieceModel {
    /** U+2581, the mark that stands for a space inside pieces. */
    static final String SPACE_MARK = "\u2581";

    private final SentencePieceFile file;
    private final List<SentencePieceFile.Piece> pieces;
    private final Map<String, Integer> reservedIds = new HashMap<>();
    private final Map<String, Integer> pieceIds = new HashMap<>();
    private final String[] bytePieces = new String[256];
    private final int unknownId;
    private final SentencePieceNormalizer normalizer;
    private final BiConsumer<String, List<String>> algorithm;

    SentencePieceModel(SentencePieceFile file) throws ProtobufReader.MalformedException {
        this.file = file;
        this.pieces = file.pieces();
        int unknown = -1;
        List<String> userDefined = new ArrayList<>();
        for (int id = 0; id < pieces.size(); id++) {
            SentencePieceFile.Piece piece = pieces.get(id);
            boolean reserved =
                    piece.type() == UNKNOWN || piece.type() == CONTROL || piece.type() == BYTE;
            if (piece.text().isEmpty()
                    || (reserved ? reservedIds : pieceIds).putIfAbsent(piece.text(), id) != null) {
                throw new ProtobufReader.MalformedException(
                        "piece " + id + " ('" + piece.text() + "') is empty or defined twice");
            }
            if (piece.type() == UNKNOWN) {
                unknown = id;
            } else if (piece.type() == BYTE) {
                bytePieces[byteOf(piece.text())] = piece.text();
            } else if (piece.type() == USER_DEFINED) {
                userDefined.add(piece.text());
            }
        }
        if (unknown < 0) {
            throw new ProtobufReader.MalformedException("it has no piece for unknown text");
        }
        checkBytePieces();
        unknownId = unknown;
        PrefixMatcher userSymbols = new PrefixMatcher(userDefined);
        normalizer = new SentencePieceNormalizer(file.normalizer(), userSymbols);
        algorithm =
                file.algorithm() == SentencePieceFile.BPE
                        ? new SentencePieceBpe(pieces, pieceIds, userSymbols)::split
                        : new SentencePieceUnigram(pieces, pieceIds)::split;
    }

    private void checkBytePieces() throws ProtobufReader.MalformedException {
        for (int b = 0; file.byteFallback() && b < bytePieces.length; b++) {
            if (bytePieces[b] == null) {
                throw new ProtobufReader.MalformedException(
                        "it falls back to bytes but has no piece " + String.format("<0x%02X>", b));
            }
        }
    }

    private static int byteOf(String piece) throws ProtobufReader.MalformedException {
        if (!piece.matches("<0x[0-9A-F]{2}>")) {
            throw new ProtobufReader.MalformedException("'" + piece + "' is not a byte piece");
        }
        return Integer.parseInt(piece.substring(3, 5), 16);
    }

    int size() {
        return pieces.size();
    }

    int unknownId() {
        return unknownId;
    }

    /** Text of a piece, or null where the id is too large. */
    String piece(int id) {
        return id >= 0 && id < pieces.size() ? pieces.get(id).text() : null;
    }

    /** Id of a piece, or -1. */
    int id(String piece) {
        Integer reserved = reservedIds.get(piece);
        return reserved != null ? reserved : pieceIds.getOrDefault(piece, -1);
    }

    /** Appends the pieces of a text; unknown text appears as itself. */
    void encode(String text, List<String> result) {
        List<String> split = new ArrayList<>();
        algorithm.accept(normalizer.normalize(text), split);
        StringBuilder unknown = new StringBuilder();
        for (String piece : split) {
            boolean known = pieceIds.containsKey(piece);
            if (!known && !file.byteFallback()) {
                // A run of unknown characters is one unknown piece.
                unknown.append(piece);
                continue;
            }
            if (!unknown.isEmpty()) {
                result.add(unknown.toString());
                unknown.setLength(0);
            }
            if (known) {
                result.add(piece);
            } else {
                for (byte b : piece.getBytes(StandardCharsets.UTF_8)) {
                    result.add(bytePieces[b & 0xff]);
                }
            }
        }
        if (!unknown.isEmpty()) {
            result.add(unknown.toString());
        }
    }

    /** Puts pieces together to text, piece by piece. */
    final class Joiner {
        private final byte[] pending = new byte[4];
        private int pendingCount;
        private boolean atStart = true;
        private boolean startMarkTaken;
        private boolean anyText;

        void accept(String piece, StringBuilder text) {
            int id = id(piece);
            int before = text.length();
            if (id >= 0 && pieces.get(id).type() == BYTE) {
                pending[pendingCount++] = (byte) Integer.parseInt(piece.substring(3, 5), 16);
                takeCharacters(text, false);
            } else {
                finish(text);
                if (startMarkTaken || anyText || text.length() > before) {
                    atStart = false;
                }
                text.append(surface(piece, id));
            }
            anyText |= text.length() > before;
        }

        void finish(StringBuilder text) {
            takeCharacters(text, true);
        }

        private String surface(String piece, int id) {
            startMarkTaken = false;
            if (id < 0) {
                return piece;
            }
            if (id == unknownId) {
                return file.unkSurface();
            }
            if (pieces.get(id).type() == CONTROL) {
                return "";
            }
            SentencePieceFile.Normalizer rules = file.normalizer();
            String rest = piece;
            if (atStart
                    && (rules.addDummyPrefix() || rules.removeExtraWhitespaces())
                    && piece.startsWith(SPACE_MARK)) {
                rest = piece.substring(1);
                startMarkTaken = !rules.removeExtraWhitespaces();
            }
            return rest.replace(SPACE_MARK, " ");
        }

        /**
         * Moves complete characters out of the pending bytes; a byte that can't begin one becomes
         * U+FFFD.
         */
        private void takeCharacters(StringBuilder text, boolean atEnd) {
            while (pendingCount > 0) {
                int length = Utf8.length(pending[0]);
                boolean wellBegun = length > 0;
                for (int i = 1; i < Math.min(length, pendingCount); i++) {
                    wellBegun &= (pending[i] & 0xc0) == 0x80;
                }
                if (wellBegun && pendingCount < length && !atEnd) {
                    return;
                }
                int codePoint =
                        wellBegun && pendingCount >= length ? Utf8.codePoint(pending, length) : -1;
                text.appendCodePoint(codePoint < 0 ? 0xfffd : codePoint);
                int taken = codePoint < 0 ? 1 : length;
                System.arraycopy(pending, taken, pending, 0, pendingCount - taken);
                pendingCount -= taken;
            }
        }
    }

    Joiner joiner() {
        return new Joiner();
    }
}
