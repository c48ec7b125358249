package dev.ocellus.graph.draw;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Rows of text in aligned columns. Not thread-safe. */
public final class TextTable {
    private final List<String[]> rows = new ArrayList<>();
    private final int leftColumns;

    /**
     * @param leftColumns number of leading columns of text; the others hold numbers and are aligned
     *     to the right
     */
    public TextTable(int leftColumns, String... header) {
        this.leftColumns = leftColumns;
        rows.add(header);
    }

    public void add(String... cells) {
        if (cells.length != rows.getFirst().length) {
            throw new IllegalArgumentException(
                    "a row of "
                            + cells.length
                            + " cells does not fit a table of "
                            + rows.getFirst().length
                            + " columns");
        }
        rows.add(cells);
    }

    @Override
    public String toString() {
        int[] widths = new int[rows.getFirst().length];
        for (String[] row : rows) {
            for (int c = 0; c < row.length; c++) {
                widths[c] = Math.max(widths[c], row[c].length());
            }
        }
        StringBuilder s = new StringBuilder();
        for (int r = 0; r < rows.size(); r++) {
            s.append(line(rows.get(r), widths)).append('\n');
            if (r == 0) {
                s.append("-".repeat(Arrays.stream(widths).sum() + 2 * (widths.length - 1)))
                        .append('\n');
            }
        }
        return s.toString();
    }

    private String line(String[] row, int[] widths) {
        StringBuilder s = new StringBuilder();
        for (int c = 0; c < row.length; c++) {
            String gap = " ".repeat(widths[c] - row[c].length());
            s.append(c == 0 ? "" : "  ").append(c < leftColumns ? row[c] + gap : gap + row[c]);
        }
        return s.toString().stripTrailing();
    }
}
