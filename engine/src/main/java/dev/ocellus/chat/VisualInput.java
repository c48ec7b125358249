package dev.ocellus.chat;

import dev.ocellus.loader.image.ImagePreprocessor;
import dev.ocellus.loader.image.PixelValues;
import dev.ocellus.loader.image.RgbImage;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * An image as a conversation has it: pixels, the number of visual tokens they become, and a digest
 * of all that decides those tokens.
 */
public final class VisualInput {
    private final RgbImage image;
    private final TilePolicy policy;
    private final int tiles;
    private final int tokens;
    private final ContentKey key;

    /** Digest of an image's pixels and of how they are cut and scaled. */
    public record ContentKey(long high, long low) {
        /** A number for the visual token in this place, never that of a token id. */
        long token(int place) {
            long h = (high ^ place * 0x9E3779B97F4A7C15L) * 0xBF58476D1CE4E5B9L;
            return (h ^ h >>> 31 ^ low) | Long.MIN_VALUE;
        }
    }

    public VisualInput(RgbImage image, TilePolicy policy) {
        this.image = image;
        this.policy = policy;
        tiles = policy.tiles(image.width(), image.height());
        tokens = Math.toIntExact(tiles * policy.tokensPerTile());
        key = digest();
    }

    public int tiles() {
        return tiles;
    }

    /** Visual tokens of all tiles. */
    public int tokens() {
        return tokens;
    }

    public ContentKey key() {
        return key;
    }

    /** The tiles, in memory of the arena. */
    public PixelValues pixels(ImagePreprocessor preprocessor, Arena arena) {
        return preprocessor.preprocess(List.of(image), policy.pipeline(), policy.config(), arena);
    }

    private ContentKey digest() {
        try {
            MessageDigest d = MessageDigest.getInstance("SHA-256");
            d.update(ByteBuffer.allocate(8).putInt(image.width()).putInt(image.height()).flip());
            d.update(policy.pipeline().toString().getBytes(StandardCharsets.UTF_8));
            d.update(image.data());
            ByteBuffer hash = ByteBuffer.wrap(d.digest());
            return new ContentKey(hash.getLong(), hash.getLong());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
