package dev.ocellus.loader.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads the fields of one protobuf message in order; never reads outside the message. */
final class ProtobufReader {
    static final int VARINT = 0;
    static final int FIXED64 = 1;
    static final int LENGTH_DELIMITED = 2;
    static final int FIXED32 = 5;

    /** A message that breaks the wire format; the caller knows the file's name. */
    static final class MalformedException extends Exception {
        private static final long serialVersionUID = 1L;

        MalformedException(String message) {
            super(message);
        }
    }

    private final byte[] bytes;
    private int position;
    private int fieldNumber;
    private int wireType;

    ProtobufReader(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Moves to the next field; false at the end of the message. */
    boolean next() throws MalformedException {
        if (position == bytes.length) {
            return false;
        }
        long tag = varint();
        fieldNumber = (int) (tag >>> 3);
        wireType = (int) (tag & 7);
        if (fieldNumber <= 0 || tag >>> 32 != 0) {
            throw new MalformedException("bad field tag at byte " + position);
        }
        return true;
    }

    /** Number of the current field if its wire type is the given one, else 0. */
    int field(int expectedWireType) {
        return wireType == expectedWireType ? fieldNumber : 0;
    }

    int fieldNumber() {
        return fieldNumber;
    }

    int wireType() {
        return wireType;
    }

    long readVarint() throws MalformedException {
        expect(VARINT);
        return varint();
    }

    float readFloat() throws MalformedException {
        expect(FIXED32);
        return Float.intBitsToFloat((int) littleEndian(4));
    }

    byte[] readBytes() throws MalformedException {
        expect(LENGTH_DELIMITED);
        long length = varint();
        if (length < 0 || length > bytes.length - position) {
            throw new MalformedException(
                    "truncated: a field of "
                            + length
                            + " bytes begins at byte "
                            + position
                            + " of "
                            + bytes.length);
        }
        position += (int) length;
        return Arrays.copyOfRange(bytes, position - (int) length, position);
    }

    String readString() throws MalformedException {
        return new String(readBytes(), StandardCharsets.UTF_8);
    }

    void skip() throws MalformedException {
        switch (wireType) {
            case VARINT -> varint();
            case FIXED64 -> littleEndian(8);
            case LENGTH_DELIMITED -> readBytes();
            case FIXED32 -> littleEndian(4);
            default ->
                    throw new MalformedException(
                            "unknown wire type " + wireType + " at byte " + position);
        }
    }

    private void expect(int type) throws MalformedException {
        if (wireType != type) {
            throw new MalformedException(
                    "field " + fieldNumber + " has wire type " + wireType + ", not " + type);
        }
    }

    private long varint() throws MalformedException {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            long b = littleEndian(1);
            value |= (b & 0x7f) << shift;
            if (b < 0x80) {
                return value;
            }
        }
        throw new MalformedException("a number has more than 10 bytes at byte " + position);
    }

    private long littleEndian(int count) throws MalformedException {
        if (count > bytes.length - position) {
            throw new MalformedException("truncated at byte " + bytes.length);
        }
        long value = 0;
        for (int i = 0; i < count; i++) {
            value |= (bytes[position++] & 0xffL) << (8 * i);
        }
        return value;
    }
}
