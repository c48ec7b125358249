package dev.ocellus.loader.tokenizer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A SentencePiece model file as it is stored: a protobuf message of pieces, trainer and normaliser
 * settings.
 *
 * @param pieces the vocabulary; a piece's id is its index
 * @param algorithm {@link #UNIGRAM} or {@link #BPE}
 * @param byteFallback whether characters without a piece become byte pieces
 * @param unkSurface text of the unknown piece when it is decoded
 */
record SentencePieceFile(
        List<Piece> pieces,
        int algorithm,
        boolean byteFallback,
        String unkSurface,
        Normalizer normalizer) {

    static final int UNIGRAM = 1;
    static final int BPE = 2;

    /** Piece types of the file format. */
    static final int NORMAL = 1;

    static final int UNKNOWN = 2;
    static final int CONTROL = 3;
    static final int USER_DEFINED = 4;
    static final int UNUSED = 5;
    static final int BYTE = 6;

    record Piece(String text, float score, int type) {}

    /**
     * The normaliser settings.
     *
     * @param charsMap compiled replacement table, empty for none
     */
    record Normalizer(
            byte[] charsMap,
            boolean addDummyPrefix,
            boolean removeExtraWhitespaces,
            boolean escapeWhitespaces) {

        Normalizer withoutDummyPrefix() {
            return new Normalizer(charsMap, false, removeExtraWhitespaces, escapeWhitespaces);
        }
    }

    SentencePieceFile withoutDummyPrefix() {
        return new SentencePieceFile(
                pieces, algorithm, byteFallback, unkSurface, normalizer.withoutDummyPrefix());
    }

    static SentencePieceFile read(Path file) {
        try {
            return new Parser().parse(JsonFiles.bytes(file));
        } catch (ProtobufReader.MalformedException e) {
            throw new TokenizerException(
                    file, "is not a SentencePiece model: " + e.getMessage(), e);
        }
    }

    private static final class Parser {
        private final List<Piece> pieces = new ArrayList<>();
        private int algorithm = UNIGRAM;
        private boolean byteFallback;
        private String unkSurface = " \u2047 ";
        private Normalizer normalizer = new Normalizer(new byte[0], true, true, true);

        SentencePieceFile parse(byte[] bytes) throws ProtobufReader.MalformedException {
            ProtobufReader in = new ProtobufReader(bytes);
            while (in.next()) {
                switch (in.field(ProtobufReader.LENGTH_DELIMITED)) {
                    case 1 -> pieces.add(piece(in.readBytes()));
                    case 2 -> trainer(in.readBytes());
                    case 3 -> normalizer = normalizer(in.readBytes());
                    case 5 -> denormalizer(in.readBytes());
                    default -> in.skip();
                }
            }
            if (pieces.isEmpty()) {
                throw new ProtobufReader.MalformedException("it has no pieces");
            }
            if (algorithm != UNIGRAM && algorithm != BPE) {
                throw new ProtobufReader.MalformedException(
                        "model type "
                                + algorithm
                                + " is not supported, only unigram (1) and BPE (2)");
            }
            return new SentencePieceFile(
                    List.copyOf(pieces), algorithm, byteFallback, unkSurface, normalizer);
        }

        private static Piece piece(byte[] bytes) throws ProtobufReader.MalformedException {
            ProtobufReader in = new ProtobufReader(bytes);
            String text = "";
            float score = 0;
            int type = NORMAL;
            while (in.next()) {
                switch (in.fieldNumber()) {
                    case 1 -> text = in.readString();
                    case 2 -> score = in.readFloat();
                    case 3 -> type = (int) in.readVarint();
                    default -> in.skip();
                }
            }
            return new Piece(text, score, type);
        }

        private void trainer(byte[] bytes) throws ProtobufReader.MalformedException {
            ProtobufReader in = new ProtobufReader(bytes);
            while (in.next()) {
                switch (in.fieldNumber()) {
                    case 3 -> algorithm = (int) in.readVarint();
                    case 24 -> {
                        if (in.readVarint() != 0) {
                            throw new ProtobufReader.MalformedException(
                                    "treat_whitespace_as_suffix is not supported");
                        }
                    }
                    case 35 -> byteFallback = in.readVarint() != 0;
                    case 44 -> unkSurface = in.readString();
                    default -> in.skip();
                }
            }
        }

        private static Normalizer normalizer(byte[] bytes)
                throws ProtobufReader.MalformedException {
            ProtobufReader in = new ProtobufReader(bytes);
            byte[] charsMap = new byte[0];
            boolean addDummyPrefix = true;
            boolean removeExtraWhitespaces = true;
            boolean escapeWhitespaces = true;
            while (in.next()) {
                switch (in.fieldNumber()) {
                    case 2 -> charsMap = in.readBytes();
                    case 3 -> addDummyPrefix = in.readVarint() != 0;
                    case 4 -> removeExtraWhitespaces = in.readVarint() != 0;
                    case 5 -> escapeWhitespaces = in.readVarint() != 0;
                    default -> in.skip();
                }
            }
            return new Normalizer(
                    charsMap, addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces);
        }

        private static void denormalizer(byte[] bytes) throws ProtobufReader.MalformedException {
            if (normalizer(bytes).charsMap().length > 0) {
                throw new ProtobufReader.MalformedException(
                        "a denormaliser table is not supported");
            }
        }
    }
}
