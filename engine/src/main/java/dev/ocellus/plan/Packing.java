package dev.ocellus.plan;

import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.DType;

/** A device's copy of weights in a layout that kernels read. Equal packings are one copy. */
public sealed interface Packing {

    /** Bytes of the copy. */
    long bytes();

    /** What the copy is made of, for messages. */
    String label();

    /** A matrix for products, in {@link Panels}. */
    record Matrix(Weight weight) implements Packing {
        @Override
        public long bytes() {
            return Panels.bytes(type(), weight.rows(), weight.cols());
        }

        public DType type() {
            return weight.kernelType();
        }

        @Override
        public String label() {
            return weight.toString();
        }
    }

    /**
     * The filters of a convolution in {@link Panels}: rows stored as (channel, tap) are packed as
     * (tap, channel).
     */
    record Filter(Weight weight, long taps) implements Packing {
        @Override
        public long bytes() {
            return Panels.bytes(type(), weight.rows(), weight.cols());
        }

        public DType type() {
            return weight.kernelType();
        }

        @Override
        public String label() {
            return weight.toString();
        }
    }

    /** Two matrices of the same shape whose panels alternate: gate, up, gate, up. */
    record GatedMatrix(Weight gate, Weight up) implements Packing {
        @Override
        public long bytes() {
            return 2 * Panels.bytes(type(), gate.rows(), gate.cols());
        }

        public DType type() {
            return gate.kernelType();
        }

        @Override
        public String label() {
            return gate + " and " + up;
        }
    }

    /** All elements as float32, in order. */
    record Vector(Weight weight) implements Packing {
        @Override
        public long bytes() {
            return weight.elements() * 4;
        }

        @Override
        public String label() {
            return weight.toString();
        }
    }

    /** Plain rows in the stored type, for look-ups. */
    record Rows(Weight weight) implements Packing {
        @Override
        public long bytes() {
            return type().byteSize(weight.elements());
        }

        public DType type() {
            return weight.kernelType();
        }

        @Override
        public String label() {
            return weight.toString();
        }
    }

    /** A position table [1 + g^2, d] as float32, its grid resized to [height, width]. */
    record Positions(Weight weight, long height, long width) implements Packing {
        @Override
        public long bytes() {
            return (1 + height * width) * weight.cols() * 4;
        }

        @Override
        public String label() {
            return weight.toString();
        }
    }
}
