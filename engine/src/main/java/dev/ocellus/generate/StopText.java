package dev.ocellus.generate;

import java.util.List;

/**
 * Holds back text that may be the beginning of a stop string, and ends at the first whole one. For
 * one thread.
 */
public final class StopText {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private boolean ended;

    public StopText(List<String> stops) {
        this.stops = stops;
    }

    /** Takes new text and gives what can't belong to a stop string any more. */
    public String push(String text) {
        if (ended) {
            return "";
        }
        held.append(text);
        int first = -1;
        for (String s : stops) {
            int at = held.indexOf(s);
            if (at >= 0 && (first < 0 || at < first)) {
                first = at;
            }
        }
        ended = first >= 0;
        int free = ended ? first : held.length() - longestBeginning();
        String out = held.substring(0, free);
        held.delete(0, ended ? held.length() : free);
        return out;
    }

    /** The rest, when nothing more comes. */
    public String finish() {
        String out = ended ? "" : held.toString();
        held.setLength(0);
        return out;
    }

    public boolean ended() {
        return ended;
    }

    /** Length of the longest end of the held text that is the beginning of a stop string. */
    private int longestBeginning() {
        int longest = 0;
        for (String s : stops) {
            for (int n = Math.min(s.length() - 1, held.length()); n > longest; n--) {
                if (held.substring(held.length() - n).equals(s.substring(0, n))) {
                    longest = n;
                }
            }
        }
        return longest;
    }
}
