package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.Answer;
import dev.ocellus.Capability;
import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.Question;
import dev.ocellus.Reply;
import dev.ocellus.Session;
import dev.ocellus.generate.ContextOverflowException;
import dev.ocellus.generate.FinishReason;
import dev.ocellus.generate.GenerationOptions;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;

/** The promises of the API, on the bundled demo model. */
class ChatApiTest {
    private static final String DESCRIBE = "Describe the image.";
    private static final OpenOptions EXACT =
            OpenOptions.DEFAULT.withCompute(OpenOptions.Compute.F32);

    private static Ocellus model;

    @BeforeAll
    static void open() {
        model = Ocellus.open(Demo.MODEL, EXACT);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void piecesTogetherAreTheText() {
        List<String> pieces = new ArrayList<>();
        Answer answer = model.chat(Demo.scene(2), DESCRIBE).stream(pieces::add);
        assertThat(answer.text()).isEqualTo("a large yellow star left of a small pink triangle");
        assertThat(String.join("", pieces)).isEqualTo(answer.text());
        assertThat(pieces).hasSizeGreaterThan(3);
        assertThat(answer.finishReason()).isEqualTo(FinishReason.STOP_TOKEN);
    }

    @Test
    void iteratorAndPublisherGiveTheSamePieces() throws Exception {
        StringBuilder iterated = new StringBuilder();
        for (String piece : model.chat(Demo.scene(2), DESCRIBE)) {
            iterated.append(piece);
        }
        CompletableFuture<String> published = new CompletableFuture<>();
        model.chat(Demo.scene(2), DESCRIBE).publisher().subscribe(new Collector(published));
        assertThat(iterated.toString())
                .isEqualTo("a large yellow star left of a small pink triangle");
        assertThat(published.get()).isEqualTo(iterated.toString());
    }

    private static final class Collector implements Flow.Subscriber<String> {
        private final CompletableFuture<String> result;
        private final StringBuilder all = new StringBuilder();
        private Flow.Subscription subscription;

        Collector(CompletableFuture<String> result) {
            this.result = result;
        }

        @Override
        public void onSubscribe(Flow.Subscription s) {
            subscription = s;
            s.request(1);
        }

        @Override
        public void onNext(String piece) {
            all.append(piece);
            subscription.request(1);
        }

        @Override
        public void onError(Throwable e) {
            result.completeExceptionally(e);
        }

        @Override
        public void onComplete() {
            result.complete(all.toString());
        }
    }

    @Test
    void progressCountsTilesTokensAndWeights() {
        List<String> heard = new ArrayList<>();
        OpenOptions options =
                EXACT.withProgress(
                        (stage, done, total) -> heard.add(done == total ? stage : "part"));
        try (Ocellus own = Ocellus.open(Demo.MODEL, options)) {
            assertThat(heard).contains("part").endsWith("weights");
            heard.clear();
            own.chat(Demo.scene(2), DESCRIBE)
                    .progress((stage, done, total) -> heard.add(stage + " " + done + "/" + total))
                    .text();
            assertThat(heard).containsExactly("images 1/1", "prompt 31/31");
        }
    }

    @Test
    void aReplyIsReadOnce() {
        Reply reply = model.chat(Demo.scene(1), "How many objects are there?");
        assertThat(reply.text()).isEqualTo("1");
        assertThatThrownBy(reply::text)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("read already");
    }

    @Test
    void aSecondTurnReusesTheFirstAndAnswersAsAFreshConversation() {
        try (Session first = model.session();
                Session fresh = model.session()) {
            Answer one = first.chat(Demo.scene(2), DESCRIBE).answer();
            Answer two = first.chat("How many objects are there?").answer();
            fresh.recall(Question.of(model.read(Demo.scene(2)), DESCRIBE), one.text());
            Answer again = fresh.chat("How many objects are there?").answer();
            assertThat(one.reusedTokens()).isZero();
            assertThat(two.reusedTokens()).isGreaterThanOrEqualTo(one.promptTokens());
            assertThat(again.reusedTokens()).isZero();
            assertThat(two.tokenIds()).isEqualTo(again.tokenIds());
        }
    }

    @Test
    void imageFeaturesAreComputedOncePerContent() {
        try (Ocellus own = Ocellus.open(Demo.MODEL, EXACT)) {
            own.chat(Demo.scene(3), DESCRIBE).text();
            long bytes = own.featureBytes();
            Answer second = own.chat(Demo.scene(3), "How many objects are there?").answer();
            assertThat(bytes).isPositive();
            assertThat(own.featureBytes()).isEqualTo(bytes);
            assertThat(second.text()).isNotEmpty();
        }
    }

    @Test
    void everyCacheKeepsItsLimit() {
        OpenOptions tight = EXACT.withFeatureBytes(1).withPlanBytes(1);
        try (Ocellus own = Ocellus.open(Demo.MODEL, tight)) {
            String text = own.chat(Demo.scene(2), DESCRIBE).text();
            assertThat(text).isEqualTo("a large yellow star left of a small pink triangle");
            assertThat(own.featureBytes()).isZero();
            assertThat(own.model().plans().size()).isLessThanOrEqualTo(1);
        }
    }

    @Test
    void batchedQuestionsGetTheAnswersTheyWouldGetAlone() {
        List<Question> questions = new ArrayList<>();
        List<List<Integer>> alone = new ArrayList<>();
        for (int scene = 1; scene <= 5; scene++) {
            Question q = Question.of(model.read(Demo.scene(scene)), DESCRIBE);
            questions.add(q);
            alone.add(model.chat(q).answer().tokenIds());
        }
        List<Answer> together = model.answerAll(questions, GenerationOptions.DEFAULT);
        assertThat(together.stream().map(Answer::tokenIds).toList()).isEqualTo(alone);
    }

    @Test
    void severalThreadsGetTheirOwnAnswers() throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<String>> answers = new ArrayList<>();
            List<String> expected = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                int scene = i % 8 + 1;
                answers.add(threads.submit(() -> model.chat(Demo.scene(scene), DESCRIBE).text()));
            }
            for (int i = 0; i < 16; i++) {
                expected.add(model.chat(Demo.scene(i % 8 + 1), DESCRIBE).text());
                assertThat(answers.get(i).get()).isEqualTo(expected.get(i));
            }
        }
    }

    @Test
    void cancellingKeepsWhatWasSaid() {
        Reply reply = model.chat(Demo.scene(2), DESCRIBE);
        List<String> pieces = new ArrayList<>();
        Answer answer =
                reply.stream(
                        piece -> {
                            pieces.add(piece);
                            reply.cancel();
                        });
        assertThat(answer.finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(pieces).hasSize(1);
        assertThat(answer.text()).isEqualTo(pieces.getFirst());
    }

    @Test
    void closingTheModelEndsAnAnswerWithAClearError() throws Exception {
        Ocellus own = Ocellus.open(Demo.MODEL, EXACT);
        CountDownLatch talking = new CountDownLatch(1);
        AtomicReference<Throwable> error = new AtomicReference<>();
        Thread reader =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    try {
                                        own.chat(Demo.scene(2), DESCRIBE).stream(
                                                piece -> {
                                                    talking.countDown();
                                                    pause();
                                                });
                                    } catch (RuntimeException e) {
                                        error.set(e);
                                    }
                                });
        talking.await();
        own.close();
        reader.join();
        assertThat(error.get())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("was closed while it was answering");
        assertThatThrownBy(() -> own.chat("Hello?").text())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("has been closed");
    }

    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void closingFromTheCallbackDoesNotHang() {
        Ocellus own = Ocellus.open(Demo.MODEL, EXACT);
        assertThatThrownBy(() -> own.chat(Demo.scene(2), DESCRIBE).stream(piece -> own.close()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("was closed while it was answering");
    }

    @Test
    void closingASessionEndsItsAnswerAndReturnsItsPages() {
        Session session = model.session();
        long before = model.model().pages().used();
        assertThatThrownBy(
                        () ->
                                session.chat(Demo.scene(2), DESCRIBE).stream(
                                        piece -> session.close()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("session was closed");
        assertThat(model.model().pages().used()).isEqualTo(before);
    }

    @Test
    void aPromptOverTheContextSaysTheNumbers() {
        assertThatThrownBy(() -> model.chat("How many shapes are there? ".repeat(1000)).text())
                .isInstanceOf(ContextOverflowException.class)
                .hasMessageContaining("context is 2048")
                .hasMessageMatching("the prompt has \\d{4,} tokens.*");
    }

    @Test
    void stopStringsAndTokenLimitsEndAnswers() {
        GenerationOptions stop = GenerationOptions.DEFAULT.withStopStrings(List.of("star"));
        Answer stopped = model.chat(Demo.scene(2), DESCRIBE).options(stop).answer();
        assertThat(stopped.text()).isEqualTo("a large yellow");
        assertThat(stopped.finishReason()).isEqualTo(FinishReason.STOP_STRING);
        Answer two =
                model.chat(Demo.scene(2), DESCRIBE)
                        .options(GenerationOptions.DEFAULT.withMaxNewTokens(2))
                        .answer();
        assertThat(two.tokenIds()).hasSize(2);
        assertThat(two.finishReason()).isEqualTo(FinishReason.MAX_TOKENS);
    }

    @Test
    void theSameSeedGivesTheSameAnswer() {
        GenerationOptions warm =
                GenerationOptions.DEFAULT.withTemperature(5).withSeed(7).withMaxNewTokens(12);
        List<Integer> one = model.chat(Demo.scene(2), DESCRIBE).options(warm).answer().tokenIds();
        List<Integer> two = model.chat(Demo.scene(2), DESCRIBE).options(warm).answer().tokenIds();
        List<Integer> other =
                model.chat(Demo.scene(2), DESCRIBE).options(warm.withSeed(8)).answer().tokenIds();
        assertThat(two).isEqualTo(one);
        assertThat(other).isNotEqualTo(one);
    }

    @Test
    void anIteratorThatIsLeftDoesNotHoldTheModel() {
        try (Ocellus own = Ocellus.open(Demo.MODEL, EXACT)) {
            Reply reply = own.chat(Demo.scene(2), DESCRIBE);
            Iterator<String> pieces = reply.iterator();
            assertThat(pieces.hasNext()).isTrue();
            reply.cancel();
        }
    }

    @Test
    void capabilitiesAreThoseOfAnImageChat() {
        assertThat(model.capabilities())
                .containsExactlyInAnyOrder(
                        Capability.CHAT, Capability.IMAGE_INPUT, Capability.MULTIPLE_IMAGES);
    }
}
