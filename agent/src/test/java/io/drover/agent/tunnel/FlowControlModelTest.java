package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.tunnel.FlowControlModel.Part;
import io.drover.agent.tunnel.FlowControlModel.Reached;
import io.drover.agent.tunnel.FlowControlModel.State;
import io.drover.agent.tunnel.FlowControlModel.Stuck;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Flow control with a Go peer, in all orders of events that there are: no state from which it
 * cannot go on, and no more at the peer than a fixed amount, however much there is to say. And that
 * each part of our rule is needed for that.
 */
@Timeout(120)
class FlowControlModelTest {
  /** Enough to pass all marks several times; more is only slower. */
  private static final int MUCH = 7;

  private static Reached explore(Set<Part> leftOut, Stuck stuck, int ourPieces, int goPieces) {
    return new FlowControlModel(leftOut, stuck).explore(ourPieces, goPieces);
  }

  /** What must come about in the end, if somebody never reads. */
  private static Predicate<State> delivered(Stuck stuck) {
    return switch (stuck) {
      case NOBODY -> State::isDelivered;
      case OUR_READER -> State::ourDataDelivered;
      case GO_READER -> State::goDataDelivered;
    };
  }

  private static boolean goesOn(Set<Part> leftOut, Stuck stuck, int ourPieces, int goPieces) {
    return explore(leftOut, stuck, ourPieces, goPieces).neverReaching(delivered(stuck)).isEmpty();
  }

  /** Whether more to say means more in the peer's buffer. */
  private static boolean growsAtPeer(Set<Part> leftOut, Stuck stuck) {
    return explore(leftOut, stuck, MUCH + 1, 2).mostInGoBuffer()
        > explore(leftOut, stuck, MUCH, 2).mostInGoBuffer();
  }

  @ParameterizedTest
  @CsvSource({"3, 3", "4, 4", "7, 2", "2, 7"})
  void nobodyWaitsForEver(int ourPieces, int goPieces) {
    assertThat(
            explore(Set.of(), Stuck.NOBODY, ourPieces, goPieces).neverReaching(State::isDelivered))
        .isEmpty();
  }

  // A target that reads only when it has been heard, and the same at the other end.
  @ParameterizedTest
  @EnumSource(names = {"OUR_READER", "GO_READER"})
  void oneDirectionNeverWaitsForTheOther(Stuck stuck) {
    assertThat(goesOn(Set.of(), stuck, 4, 4)).isTrue();
    assertThat(goesOn(Set.of(), stuck, MUCH, 3)).isTrue();
    assertThat(goesOn(Set.of(), stuck, 3, MUCH)).isTrue();
  }

  @ParameterizedTest
  @EnumSource
  void thePeerHoldsNoMoreIfThereIsMoreToSay(Stuck stuck) {
    assertThat(growsAtPeer(Set.of(), stuck)).isFalse();
  }

  @ParameterizedTest
  @EnumSource
  void eachPartOfTheRuleIsNeeded(Part part) {
    var without = Set.of(part);

    assertThat(
            Stream.of(Stuck.values())
                .anyMatch(stuck -> !goesOn(without, stuck, 4, 3) || growsAtPeer(without, stuck)))
        .isTrue();
  }

  // As every version of the Go library does it at both ends.
  @Test
  void whoDoesNotAnswerPauseIsHeldForEverByAPeerThatPausesItselfToo() {
    assertThat(goesOn(Set.of(Part.ANSWER_PAUSE), Stuck.NOBODY, 3, 3)).isFalse();
  }

  @Test
  void theQueueOfControlMessagesStaysShort() {
    assertThat(explore(Set.of(), Stuck.NOBODY, MUCH, 3).mostInControlQueue())
        .isEqualTo(explore(Set.of(), Stuck.NOBODY, MUCH + 1, 3).mostInControlQueue());
  }
}
