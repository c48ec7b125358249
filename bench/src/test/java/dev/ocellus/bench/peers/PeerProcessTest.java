package dev.ocellus.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

import java.util.List;

/** Shell scripts in the place of engines. */
@DisabledOnOs(OS.WINDOWS)
class PeerProcessTest {
    private static PeerProcess script(String script) {
        return PeerProcess.start("engine", List.of("sh", "-c", script));
    }

    @Test
    void commandsAndAnswersTakeTurns() {
        try (PeerProcess p =
                script("echo hello; echo ready; while read -r c n; do echo \"$n 7.5\"; done")) {
            assertThat(p.seconds("prefill 2", true)).isEqualTo(2);
            assertThat(p.seconds("decode 3", false)).isEqualTo(7.5);
        }
    }

    @Test
    void aPeerThatEndsSaysWhy() {
        assertThatThrownBy(() -> script("echo no such model >&2; exit 1"))
                .isInstanceOf(PeerException.class)
                .hasMessage("engine has ended: no such model");
        assertThatThrownBy(() -> PeerProcess.start("engine", List.of("/no/such/program")))
                .isInstanceOf(PeerException.class)
                .hasMessageContaining("cannot be started");
    }

    @Test
    void nonsenseIsNoTime() {
        try (PeerProcess p = script("echo ready; read -r c; echo what")) {
            assertThatThrownBy(() -> p.seconds("prefill 2", true))
                    .isInstanceOf(PeerException.class)
                    .hasMessage("engine answered what to prefill 2");
        }
    }
}
