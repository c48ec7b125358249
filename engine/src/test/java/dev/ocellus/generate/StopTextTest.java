package dev.ocellus.generate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Random;

class StopTextTest {
    private static StopText stops(String... texts) {
        return new StopText(List.of(texts));
    }

    @Test
    void textWithoutStopsPassesAtOnce() {
        StopText s = stops();
        assertThat(s.push("one ")).isEqualTo("one ");
        assertThat(s.push("two")).isEqualTo("two");
        assertThat(s.finish()).isEmpty();
        assertThat(s.ended()).isFalse();
    }

    @Test
    void aStopEndsTheTextBeforeIt() {
        StopText s = stops("END");
        assertThat(s.push("before END after")).isEqualTo("before ");
        assertThat(s.ended()).isTrue();
        assertThat(s.push("more")).isEmpty();
        assertThat(s.finish()).isEmpty();
    }

    @Test
    void aStopMayComeInPieces() {
        StopText s = stops("</s>");
        assertThat(s.push("a<")).isEqualTo("a");
        assertThat(s.push("/")).isEmpty();
        assertThat(s.push("s")).isEmpty();
        assertThat(s.ended()).isFalse();
        assertThat(s.push(">b")).isEmpty();
        assertThat(s.ended()).isTrue();
    }

    @Test
    void textHeldBackIsGivenWhenItIsNoStop() {
        StopText s = stops("</s>");
        assertThat(s.push("a</")).isEqualTo("a");
        assertThat(s.push("b>")).isEqualTo("</b>");
        assertThat(s.push("<")).isEmpty();
        assertThat(s.finish()).isEqualTo("<");
        assertThat(s.finish()).isEmpty();
    }

    @Test
    void aStopMayBeginInsideAnAttempt() {
        StopText s = stops("aab");
        assertThat(s.push("aa")).isEmpty();
        assertThat(s.push("a")).isEqualTo("a");
        assertThat(s.push("b")).isEmpty();
        assertThat(s.ended()).isTrue();
    }

    @Test
    void theFirstStopInTheTextCounts() {
        StopText s = stops("world", "lo w");
        assertThat(s.push("hello world")).isEqualTo("hel");
        assertThat(s.ended()).isTrue();
    }

    @Test
    void aShortStopEndsBeforeALongerOneIsWhole() {
        StopText s = stops("abcd", "bc");
        assertThat(s.push("xabc")).isEqualTo("xa");
        assertThat(s.ended()).isTrue();
    }

    @Test
    void charactersOfTwoUnitsAreCompared() {
        StopText s = stops("\uD83D\uDE00\u4F60");
        assertThat(s.push("x\uD83D\uDE00")).isEqualTo("x");
        assertThat(s.push("\u597D")).isEqualTo("\uD83D\uDE00\u597D");
        assertThat(s.push("\uD83D\uDE00\u4F60!")).isEmpty();
        assertThat(s.ended()).isTrue();
    }

    /** However the text is cut into pieces, what comes out is the text before the first stop. */
    @Test
    void piecesMakeNoDifference() {
        Random random = new Random(6);
        String[] stops = {"aba", "bb", "caa"};
        for (int i = 0; i < 2000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(14); n > 0; n--) {
                text.append((char) ('a' + random.nextInt(3)));
            }
            assertThat(inPieces(text.toString(), random, stops))
                    .as(text.toString())
                    .isEqualTo(before(text.toString(), stops));
        }
    }

    private static String inPieces(String text, Random random, String... stops) {
        StopText s = stops(stops);
        StringBuilder out = new StringBuilder();
        for (int at = 0; at < text.length(); ) {
            int n = Math.min(text.length() - at, 1 + random.nextInt(3));
            out.append(s.push(text.substring(at, at + n)));
            at += n;
        }
        return out.append(s.finish()).toString();
    }

    private static String before(String text, String... stops) {
        int first = text.length();
        for (String s : stops) {
            int at = text.indexOf(s);
            first = at >= 0 ? Math.min(first, at) : first;
        }
        return text.substring(0, first);
    }
}
