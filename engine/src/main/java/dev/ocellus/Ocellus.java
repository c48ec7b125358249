package dev.ocellus;

import dev.ocellus.chat.ChatFormat;
import dev.ocellus.chat.ChatFormats;
import dev.ocellus.chat.FeatureCache;
import dev.ocellus.chat.PromptBuilder;
import dev.ocellus.chat.Turn;
import dev.ocellus.chat.VisualInput;
import dev.ocellus.device.Lifetime;
import dev.ocellus.generate.FinishReason;
import dev.ocellus.generate.Generation;
import dev.ocellus.generate.GenerationOptions;
import dev.ocellus.generate.KvCache;
import dev.ocellus.generate.Prompt;
import dev.ocellus.loader.image.DecodedImage;
import dev.ocellus.loader.image.ImageDecoder;
import dev.ocellus.loader.image.RgbImage;

import java.awt.image.BufferedImage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * An opened model. Thread-safe: any number of sessions may answer at once; they share the weights
 * and each pass over them, and give the answers that they would give alone. {@link #close} refuses
 * new work, ends answers under way with an {@link IllegalStateException} and frees everything.
 */
public final class Ocellus implements AutoCloseable {
    private final LoadedModel model;
    private final FeatureCache features;
    private final PromptBuilder prompts;
    private final OpenOptions options;
    private final Lifetime lifetime;
    private final ThreadLocal<Boolean> answering = ThreadLocal.withInitial(() -> false);

    private Ocellus(LoadedModel model, PromptBuilder prompts, OpenOptions options) {
        this.model = model;
        this.prompts = prompts;
        this.options = options;
        features = new FeatureCache(options.featureBytes());
        lifetime = new Lifetime("the model at " + model.folder());
    }

    /** Opens a checkpoint folder with default options. */
    public static Ocellus open(Path folder) {
        return open(folder, OpenOptions.DEFAULT);
    }

    /**
     * Opens a checkpoint folder: reads its config, packs its weights.
     *
     * @throws dev.ocellus.loader.CheckpointException if the folder holds no model that is known
     *     here, or a broken one
     */
    public static Ocellus open(Path folder, OpenOptions options) {
        LoadedModel model = LoadedModel.open(folder, options);
        try {
            ChatFormat format =
                    ChatFormats.of(model.checkpoint(), model.tokenizer(), model.internVl());
            PromptBuilder prompts =
                    new PromptBuilder(
                            format,
                            model.tokenizer(),
                            model.internVl() == null
                                    ? null
                                    : ChatFormats.placeholder(model.checkpoint()),
                            model.language().config().vocabSize());
            return new Ocellus(model, prompts, options);
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    /** What this model can do. */
    public Set<Capability> capabilities() {
        return model.internVl() == null
                ? EnumSet.of(Capability.CHAT)
                : EnumSet.of(Capability.CHAT, Capability.IMAGE_INPUT, Capability.MULTIPLE_IMAGES);
    }

    /** What runs where, in one line: device, kernels, types. */
    public String description() {
        return model.description();
    }

    /** The parts of the model, for measuring and for reading. */
    public LoadedModel model() {
        return model;
    }

    /** Asks one question about an image file. The work starts when the reply is read. */
    public Reply chat(Path image, String question) {
        return chat(Question.of(read(image), question));
    }

    /** Asks one question about an image. */
    public Reply chat(BufferedImage image, String question) {
        return chat(Question.of(RgbImage.of(image), question));
    }

    /** Asks one question without images. */
    public Reply chat(String question) {
        return chat(Question.of(question));
    }

    /** Asks one question. */
    public Reply chat(Question question) {
        return new Reply(this, session(), question, true);
    }

    /** A new conversation. */
    public Session session() {
        lifetime.check();
        return new Session(this, new KvCache(model.pages()));
    }

    /**
     * Answers independent questions together: the steps of decoding are shared. Each answer is the
     * one that the question would get alone.
     */
    public List<Answer> answerAll(List<Question> questions, GenerationOptions generation) {
        return answerAll(questions, generation, () -> false);
    }

    /** As {@link #answerAll(List, GenerationOptions)}; {@code cancelled} is asked all the time. */
    public List<Answer> answerAll(
            List<Question> questions, GenerationOptions generation, BooleanSupplier cancelled) {
        List<Session> sessions = new ArrayList<>();
        try {
            List<Asked> asked = new ArrayList<>();
            for (Question q : questions) {
                sessions.add(session());
                asked.add(new Asked(sessions.getLast(), turn(q), piece -> {}, Progress.NONE));
            }
            return answer(asked, generation, cancelled);
        } finally {
            sessions.forEach(Session::close);
        }
    }

    Answer answer(
            Session session,
            Question question,
            GenerationOptions generation,
            Consumer<String> sink,
            Progress progress,
            BooleanSupplier cancelled) {
        return answer(
                        List.of(new Asked(session, turn(question), sink, progress)),
                        generation,
                        cancelled)
                .getFirst();
    }

    private record Asked(Session session, Turn turn, Consumer<String> sink, Progress progress) {}

    private List<Answer> answer(
            List<Asked> asked, GenerationOptions generation, BooleanSupplier cancelled) {
        lifetime.acquire();
        boolean outer = answering.get();
        answering.set(true);
        List<Asked> begun = new ArrayList<>();
        List<Turn> done = new ArrayList<>();
        try {
            for (Asked a : asked) {
                a.session().begin();
                begun.add(a);
            }
            BooleanSupplier stop =
                    () ->
                            cancelled.getAsBoolean()
                                    || lifetime.isClosed()
                                    || asked.stream().anyMatch(a -> a.session().isClosed());
            List<Answer> answers = generate(asked, generation, stop);
            for (int i = 0; i < asked.size(); i++) {
                checkOpen(asked.get(i).session());
                done.add(asked.get(i).turn().answered(answers.get(i).text()));
            }
            return answers;
        } finally {
            for (int i = 0; i < begun.size(); i++) {
                begun.get(i).session().end(i < done.size() ? done.get(i) : null);
            }
            answering.set(outer);
            lifetime.release();
        }
    }

    private void checkOpen(Session session) {
        if (lifetime.isClosed()) {
            throw new IllegalStateException(
                    "the model at " + model.folder() + " was closed while it was answering");
        }
        if (session.isClosed()) {
            throw new IllegalStateException("the session was closed while it was answering");
        }
    }

    private List<Answer> generate(
            List<Asked> asked, GenerationOptions generation, BooleanSupplier stop) {
        List<ImageFeatures> images = new ArrayList<>();
        try {
            List<Generation.Request> requests = new ArrayList<>();
            List<AnswerText> texts = new ArrayList<>();
            for (Asked a : asked) {
                List<Turn> turns = new ArrayList<>(a.session().turns());
                turns.add(a.turn());
                ImageFeatures f =
                        new ImageFeatures(
                                turns.stream().flatMap(t -> t.images().stream()).toList(),
                                a.progress(),
                                stop);
                images.add(f);
                Prompt prompt = prompts.build(turns, options.systemMessage(), f);
                AnswerText text =
                        new AnswerText(
                                model.tokenizer(), stopStrings(generation), a.sink(), a.progress());
                texts.add(text);
                requests.add(
                        new Generation.Request(
                                prompt,
                                a.session().cache(),
                                generation,
                                stopTokens(generation),
                                prompts.format().penalisePrompt(),
                                text));
            }
            List<Generation.Result> results =
                    new Generation(model.runner(), model.contextTokens(), stop).run(requests);
            List<Answer> answers = new ArrayList<>();
            for (int i = 0; i < results.size(); i++) {
                answers.add(answer(results.get(i), texts.get(i).finish(), images.get(i)));
            }
            return answers;
        } finally {
            images.forEach(ImageFeatures::close);
        }
    }

    private static Answer answer(Generation.Result r, String text, ImageFeatures f) {
        return new Answer(
                text,
                Arrays.stream(r.ids()).boxed().toList(),
                r.reason() == null ? FinishReason.CANCELLED : r.reason(),
                r.promptTokens(),
                r.reusedTokens(),
                new Answer.Timings(f.nanos, r.prefillNanos() - f.nanos, r.decodeNanos()));
    }

    private Set<Integer> stopTokens(GenerationOptions generation) {
        Set<Integer> all = new java.util.HashSet<>(prompts.format().stopTokens());
        all.addAll(generation.stopTokens());
        return all;
    }

    private List<String> stopStrings(GenerationOptions generation) {
        List<String> all = new ArrayList<>(prompts.format().stopStrings());
        all.addAll(generation.stopStrings());
        return all;
    }

    /**
     * Features of the images of one conversation: made or fetched when a token of them is computed,
     * kept until the answer ends.
     */
    private final class ImageFeatures implements Prompt.Features, AutoCloseable {
        private final List<VisualInput> images;
        private final FeatureCache.Entry[] entries;
        private final Progress progress;
        private final BooleanSupplier stop;
        private long nanos;

        ImageFeatures(List<VisualInput> images, Progress progress, BooleanSupplier stop) {
            this.images = images;
            this.progress = progress;
            this.stop = stop;
            entries = new FeatureCache.Entry[images.size()];
        }

        @Override
        public MemorySegment of(int image) {
            if (entries[image] == null) {
                long start = System.nanoTime();
                VisualInput v = images.get(image);
                long bytes = v.tokens() * model.language().config().hiddenSize() * 4;
                entries[image] = features.get(v.key(), bytes, to -> encode(v, to));
                nanos += System.nanoTime() - start;
            }
            return entries[image].features();
        }

        private void encode(VisualInput v, MemorySegment to) {
            try (Arena arena = Arena.ofConfined()) {
                var pixels = v.pixels(model.device().preprocessor(), arena);
                model.vision()
                        .encode(
                                pixels.data(),
                                v.tiles(),
                                pixels.height(),
                                pixels.width(),
                                to,
                                stop,
                                done -> progress.at(Progress.IMAGES, done, v.tiles()));
            }
        }

        @Override
        public void close() {
            for (FeatureCache.Entry e : entries) {
                if (e != null) {
                    e.close();
                }
            }
        }
    }

    /** Reads an image file as this model was opened to: stored pixels, or turned upright. */
    public RgbImage read(Path image) {
        DecodedImage decoded = new ImageDecoder().decode(image);
        return options.applyOrientation() ? decoded.upright() : decoded.pixels();
    }

    Turn turn(Question q) {
        if (!q.images().isEmpty() && model.internVl() == null) {
            throw new IllegalArgumentException(
                    "the model at " + model.folder() + " reads text only; leave the images out");
        }
        return new Turn(
                q.text(),
                q.images().stream().map(i -> new VisualInput(i, model.tiles())).toList(),
                null);
    }

    /** Generation options of the checkpoint: greedy. */
    GenerationOptions defaults() {
        return GenerationOptions.DEFAULT;
    }

    void free(KvCache cache) {
        cache.close();
    }

    /** Bytes of image features held now. */
    public long featureBytes() {
        return features.bytes();
    }

    /**
     * Refuses new work, ends answers under way, waits for them and frees the model. Called from
     * inside an answer's callback it returns at once and the model is freed when that answer has
     * ended.
     */
    @Override
    public void close() {
        if (!lifetime.refuse()) {
            return;
        }
        if (answering.get()) {
            Thread.ofPlatform().name("ocellus-close").start(this::free);
        } else {
            free();
        }
    }

    private void free() {
        lifetime.await();
        features.close();
        model.close();
    }
}
