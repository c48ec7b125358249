package dev.ocellus.verify;

import dev.ocellus.loader.config.Json;
import dev.ocellus.loader.tokenizer.Tokenizer;

import java.util.List;

/** {@code tokenizer.encode}: texts to ids, and where the case says so back to text. */
final class TokenizerEncode implements Verifier.Task {

    @Override
    public void run(
            Verifier.Context c, NamedTensors inputs, NamedTensors expected, NamedTensors outputs) {
        Json arguments = c.parityCase().arguments();
        Tokenizer tokenizer = Tokenizer.load(c.parityCase().modelFolder());
        List<String> texts = arguments.getStrings("texts");
        List<String> decoded = arguments.getStrings("decoded");
        boolean special = arguments.getBoolean("add_special_tokens", true);
        for (int i = 0; i < texts.size(); i++) {
            int[] ids = tokenizer.encode(texts.get(i), special);
            outputs.makeIds("ids." + i, ids);
            if (i < decoded.size()) {
                String text = tokenizer.decode(ids, true);
                if (!text.equals(decoded.get(i))) {
                    throw new IllegalStateException(
                            "ids."
                                    + i
                                    + " decode to \""
                                    + text
                                    + "\", expected \""
                                    + decoded.get(i)
                                    + "\"");
                }
            }
        }
    }
}
