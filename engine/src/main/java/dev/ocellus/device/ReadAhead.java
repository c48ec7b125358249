package dev.ocellus.device;

import dev.ocellus.graph.Weight;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.plan.Packing;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Lets the system read from the disk what is packed next, while what it has read is packed: a
 * thread that waits for a page of a mapping asks for little beside it. For one thread.
 */
final class ReadAhead {
    /** What is asked for before it is needed: a tenth of a second of a fast disk. */
    private static final long AHEAD_BYTES = 256L << 20;

    /** Asked for at once, so that what comes first is not held up by what comes later. */
    private static final long PIECE_BYTES = 4L << 20;

    private record Piece(StoredTensor tensor, long offset, long bytes) {}

    private final List<Piece> pieces = new ArrayList<>();
    private final long total;
    private int next;
    private long asked;

    /**
     * @param packings in the order in which they are packed
     */
    ReadAhead(Collection<Packing> packings) {
        packings.forEach(p -> weights(p).forEach(this::add));
        total = pieces.stream().mapToLong(Piece::bytes).sum();
    }

    private static List<Weight> weights(Packing packing) {
        return switch (packing) {
            case Packing.Matrix m -> List.of(m.weight());
            case Packing.GatedMatrix g -> List.of(g.gate(), g.up());
            case Packing.Filter f -> List.of(f.weight());
            case Packing.Vector v -> List.of(v.weight());
            case Packing.Rows r -> List.of(r.weight());
            case Packing.Positions p -> List.of(p.weight());
        };
    }

    private void add(Weight weight) {
        for (Weight.Slice s : weight.slices()) {
            StoredTensor t = s.tensor();
            // Rows in panels have no bytes of their own; about where they lie is good enough.
            double rowBytes = (double) t.byteSize() * weight.cols() / t.elements();
            long end =
                    Math.min(t.byteSize(), (long) Math.ceil((s.firstRow() + s.rows()) * rowBytes));
            for (long at = (long) (s.firstRow() * rowBytes); at < end; at += PIECE_BYTES) {
                pieces.add(new Piece(t, at, Math.min(PIECE_BYTES, end - at)));
            }
        }
    }

    /** Says how far packing has come: {@code done} of {@code all}, in any unit. */
    void reached(long done, long all) {
        double share = all == 0 ? 1 : (double) done / all;
        long wanted = (long) (share * total) + AHEAD_BYTES;
        while (next < pieces.size() && asked < wanted) {
            Piece p = pieces.get(next++);
            p.tensor().readAhead(p.offset(), p.bytes());
            asked += p.bytes();
        }
    }
}
