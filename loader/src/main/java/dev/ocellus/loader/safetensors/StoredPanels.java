package dev.ocellus.loader.safetensors;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.kernels.Panels;
import dev.ocellus.loader.config.ConfigException;
import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.loader.safetensors.SafetensorsException.Rule;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Matrices that lie in a file as kernels read them: packed as {@link Panels} says. For any other
 * reader such a matrix is a tensor of U8 [panels, bytes of a panel]; the file's metadata says what
 * it is. See {@code docs/weights.md}.
 */
public final class StoredPanels {
    /** Key of the version of the layout. */
    static final String VERSION_KEY = "ocellus.panels.version";

    /** Key of a JSON object: for each matrix, by name, its type and [rows, columns]. */
    static final String MATRICES_KEY = "ocellus.panels";

    private static final String VERSION = "1";

    private StoredPanels() {}

    /** The tensor that holds a packed matrix in a file. */
    public static TensorSpec stored(TensorSpec matrix) {
        long cols = matrix.shape().dim(1);
        return new TensorSpec(
                matrix.name(),
                DType.U8,
                Shape.of(
                        Panels.count(matrix.shape().dim(0)),
                        Panels.panelBytes(matrix.dtype(), cols)));
    }

    /** The metadata of a file that holds these matrices packed; empty if there are none. */
    public static Map<String, String> metadata(Collection<TensorSpec> matrices) {
        if (matrices.isEmpty()) {
            return Map.of();
        }
        ObjectNode all = JsonNodeFactory.instance.objectNode();
        for (TensorSpec m : matrices) {
            ArrayNode shape =
                    all.putObject(m.name()).put("type", m.dtype().name()).putArray("shape");
            shape.add(m.shape().dim(0)).add(m.shape().dim(1));
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put(VERSION_KEY, VERSION);
        metadata.put(MATRICES_KEY, all.toString());
        return metadata;
    }

    /**
     * The packed matrices of a file by name.
     *
     * @throws SafetensorsException with {@link Rule#PANELS} if the metadata is of another version,
     *     or doesn't fit the tensors
     */
    static Map<String, TensorSpec> read(Path file, Header header) {
        String text = header.metadata().get(MATRICES_KEY);
        if (text == null) {
            return Map.of();
        }
        String version = header.metadata().getOrDefault(VERSION_KEY, "none");
        if (!version.equals(VERSION)) {
            throw broken(
                    file,
                    "its weights are packed in version %s of the layout, %s is read here; quantise the original again"
                            .formatted(version, VERSION));
        }
        Map<String, TensorSpec> tensors = new HashMap<>();
        header.entries().forEach(e -> tensors.put(e.tensor().name(), e.tensor()));
        Map<String, TensorSpec> matrices = new HashMap<>();
        parse(file, text)
                .properties()
                .forEach(
                        e ->
                                matrices.put(
                                        e.getKey(),
                                        matrix(
                                                file,
                                                e.getKey(),
                                                e.getValue(),
                                                tensors.get(e.getKey()))));
        return matrices;
    }

    private static JsonNode parse(Path file, String text) {
        JsonNode root;
        try {
            root = JsonFile.parse(MATRICES_KEY, text);
        } catch (ConfigException e) {
            throw broken(file, "__metadata__ key " + e.getMessage());
        }
        if (!root.isObject()) {
            throw broken(file, "__metadata__ key '" + MATRICES_KEY + "' is not a JSON object");
        }
        return root;
    }

    private static TensorSpec matrix(Path file, String name, JsonNode entry, TensorSpec tensor) {
        DType type = type(entry.path("type").asText());
        long rows = size(entry, 0);
        long cols = size(entry, 1);
        if (type == null || rows < 0 || cols < 0 || entry.path("shape").size() != 2) {
            throw broken(
                    file,
                    "matrix '%s' must have a type (F32, F16, BF16, Q8, Q4, F8) and a shape of two sizes"
                            .formatted(name));
        }
        TensorSpec matrix;
        TensorSpec wanted;
        try {
            matrix = new TensorSpec(name, type, Shape.of(rows, cols));
            wanted = stored(matrix);
            wanted.byteSize();
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw broken(file, "matrix '%s' is too large".formatted(name));
        }
        if (tensor == null
                || tensor.dtype() != DType.U8
                || !tensor.shape().equals(wanted.shape())) {
            throw broken(
                    file,
                    "matrix '%s' %s of %s takes U8 %s, the file has %s"
                            .formatted(
                                    name,
                                    matrix.shape(),
                                    type,
                                    wanted.shape(),
                                    tensor == null
                                            ? "no such tensor"
                                            : tensor.dtype() + " " + tensor.shape()));
        }
        return matrix;
    }

    private static DType type(String name) {
        for (DType t : DType.values()) {
            if (t.name().equals(name) && Panels.supports(t)) {
                return t;
            }
        }
        return null;
    }

    /** -1 where there is none. */
    private static long size(JsonNode entry, int axis) {
        JsonNode n = entry.path("shape").path(axis);
        return n.canConvertToLong() && n.isIntegralNumber() && n.longValue() < 1L << 40
                ? n.longValue()
                : -1;
    }

    private static SafetensorsException broken(Path file, String sentence) {
        return new SafetensorsException(file, Rule.PANELS, sentence);
    }
}
