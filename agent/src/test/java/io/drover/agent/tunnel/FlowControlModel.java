package io.drover.agent.tunnel;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Pause and Resume on one stream between our end and a Go peer, as a machine of few states, and all
 * the states it can reach. Amounts are counted in pieces; marks are so low that a few pieces pass
 * them. Ours is what {@link Outbox}, {@link ReceiveBuffer} and {@link TunnelStream} do; the peer's
 * is remotedialer's {@code back_pressure.go} and {@code readbuffer.go}, read in v0.6.1.
 *
 * <p>Every step may happen at any time: each end sends, receives and reads when it likes, and
 * timers run out early or late. So what is shown here does not depend on speed.
 */
final class FlowControlModel {
  /** What fits on the way, each way: then a writer waits, and so does the Go peer's reader. */
  private static final int ON_THE_WAY = 2;

  /** A Go peer with more than so many pieces says Pause; with none left, Resume. */
  private static final int GO_HIGH = 1;

  private static final int OUR_HIGH = 1;
  private static final int OUR_LOW = 0;

  /** We say Pause again after so many pieces in spite of the first one. */
  private static final int PAUSE_AGAIN = 2;

  /** {@link Outbox#UNCONFIRMED_BYTES}: what the peer may have before it would pause us. */
  private static final int UNCONFIRMED = GO_HIGH;

  /** {@link FlightWindow}: what is on its way before a pong is awaited. */
  private static final int FLIGHT = 2;

  /** Parts of our rule, each of which can be left out. */
  enum Part {
    /** Each Pause is answered by Resume. */
    ANSWER_PAUSE,
    /** A held stream asks whether there is room. */
    PROBE,
    /** Only the pong behind the probe releases, not an earlier one. */
    COUNT_PONGS,
    /** While we hold the peer, which cannot pause us then, little is said. */
    LIMIT_UNCONFIRMED,
    /** At that limit the peer is paused anew, since it may have forgotten it. */
    REMIND,
    /** What is on its way is limited by pings, and so what comes behind the peer's Pause. */
    FLIGHT_WINDOW
  }

  /** Somebody who never reads. */
  enum Stuck {
    NOBODY,
    OUR_READER,
    GO_READER
  }

  /**
   * One state. On the way and in our queue are D data, p a probe (data of no size worth counting),
   * P Pause, R Resume, ? ping, ! pong.
   *
   * @param probe n none, s scheduled, d due
   * @param flight our data on its way, as far as pongs tell
   * @param marks for each ping on its way, how much of that is before it, a digit each
   * @param barrier how many pongs it takes to release the stream; 0: none does
   * @param unconfirmed data said while we hold the peer; -1: we do not
   * @param reminded whether the peer was, since it last said Resume
   * @param goWaits whether the peer's writer sleeps until somebody wakes it
   */
  record State(
      int ourLeft,
      boolean held,
      char probe,
      int flight,
      String marks,
      int barrier,
      boolean pingWanted,
      int unconfirmed,
      boolean reminded,
      int ourBuffer,
      boolean weHold,
      int sincePause,
      String control,
      String toGo,
      String toUs,
      int goLeft,
      int goBuffer,
      boolean goPaused,
      boolean goWaits) {

    /** All that either end wanted to say has been read by the other. */
    boolean isDelivered() {
      return ourDataDelivered() && goDataDelivered();
    }

    boolean ourDataDelivered() {
      return ourLeft == 0 && goBuffer == 0 && toGo.indexOf('D') < 0;
    }

    boolean goDataDelivered() {
      return goLeft == 0 && ourBuffer == 0 && toUs.indexOf('D') < 0;
    }
  }

  /** Changes one state into the next, by names of what changes. */
  private static final class Next {
    private int ourLeft;
    private boolean held;
    private char probe;
    private int flight;
    private String marks;
    private int barrier;
    private boolean pingWanted;
    private int unconfirmed;
    private boolean reminded;
    private int ourBuffer;
    private boolean weHold;
    private int sincePause;
    private String control;
    private String toGo;
    private String toUs;
    private int goLeft;
    private int goBuffer;
    private boolean goPaused;
    private boolean goWaits;

    Next(State from) {
      ourLeft = from.ourLeft;
      held = from.held;
      probe = from.probe;
      flight = from.flight;
      marks = from.marks;
      barrier = from.barrier;
      pingWanted = from.pingWanted;
      unconfirmed = from.unconfirmed;
      reminded = from.reminded;
      ourBuffer = from.ourBuffer;
      weHold = from.weHold;
      sincePause = from.sincePause;
      control = from.control;
      toGo = from.toGo;
      toUs = from.toUs;
      goLeft = from.goLeft;
      goBuffer = from.goBuffer;
      goPaused = from.goPaused;
      goWaits = from.goWaits;
    }

    State state() {
      return new State(
          ourLeft,
          held,
          probe,
          flight,
          marks,
          barrier,
          pingWanted,
          unconfirmed,
          reminded,
          ourBuffer,
          weHold,
          sincePause,
          control,
          toGo,
          toUs,
          goLeft,
          goBuffer,
          goPaused,
          goWaits);
    }
  }

  /** What can be reached. */
  record Reached(List<State> states, List<int[]> successors) {
    /** States from which no way leads to one of those. */
    List<State> neverReaching(Predicate<State> goal) {
      var before = new HashMap<Integer, List<Integer>>();
      for (int from = 0; from < states.size(); from++) {
        for (int to : successors.get(from)) {
          before.computeIfAbsent(to, _ -> new ArrayList<>()).add(from);
        }
      }
      var good = new boolean[states.size()];
      var open = new ArrayDeque<Integer>();
      for (int i = 0; i < good.length; i++) {
        if (goal.test(states.get(i))) {
          good[i] = true;
          open.add(i);
        }
      }
      for (Integer next = open.poll(); next != null; next = open.poll()) {
        for (int from : before.getOrDefault(next, List.of())) {
          if (!good[from]) {
            good[from] = true;
            open.add(from);
          }
        }
      }
      var lost = new ArrayList<State>();
      for (int i = 0; i < good.length; i++) {
        if (!good[i]) {
          lost.add(states.get(i));
        }
      }
      return lost;
    }

    int mostInGoBuffer() {
      return states.stream().mapToInt(State::goBuffer).max().orElseThrow();
    }

    int mostInOurBuffer() {
      return states.stream().mapToInt(State::ourBuffer).max().orElseThrow();
    }

    int mostInControlQueue() {
      return states.stream().mapToInt(state -> state.control().length()).max().orElseThrow();
    }
  }

  private final Set<Part> leftOut;
  private final Stuck stuck;

  FlowControlModel(Set<Part> leftOut, Stuck stuck) {
    this.leftOut = leftOut;
    this.stuck = stuck;
  }

  private boolean has(Part part) {
    return !leftOut.contains(part);
  }

  /** All states that can be reached when either end has so many pieces to say. */
  Reached explore(int ourPieces, int goPieces) {
    var start =
        new State(
            ourPieces, false, 'n', 0, "", 0, false, -1, false, 0, false, 0, "", "", "", goPieces, 0,
            false, false);
    Map<State, Integer> numbers = new HashMap<>();
    var states = new ArrayList<State>();
    var successors = new ArrayList<int[]>();
    numbers.put(start, 0);
    states.add(start);
    for (int i = 0; i < states.size(); i++) {
      var reached = new ArrayList<Integer>();
      for (var next : nextOf(states.get(i))) {
        var number = numbers.putIfAbsent(next, states.size());
        if (number == null) {
          number = states.size();
          states.add(next);
        }
        reached.add(number);
      }
      successors.add(reached.stream().mapToInt(Integer::intValue).toArray());
    }
    return new Reached(states, successors);
  }

  private List<State> nextOf(State state) {
    var all = new ArrayList<State>();
    weSend(state, all);
    weReceive(state, all);
    weRead(state, all);
    timerRunsOut(state, all);
    somebodyPings(state, all);
    goReceives(state, all);
    goWrites(state, all);
    goReads(state, all);
    return all;
  }

  // ---- our end

  /** {@link Outbox#take}: control messages, a probe that is due, data. */
  private void weSend(State state, List<State> all) {
    if (state.toGo.length() >= ON_THE_WAY) {
      return;
    }
    var next = new Next(state);
    if (!state.control.isEmpty()) {
      char first = state.control.charAt(0);
      next.control = state.control.substring(1);
      next.toGo += first;
      if (first == '?') {
        next.marks += state.flight;
      }
    } else if (state.held && state.probe == 'd' && state.ourLeft > 0) {
      next.probe = 'n';
      next.toGo += 'p';
      next.barrier = state.marks.length() + 1;
      if (!state.marks.isEmpty()) {
        next.pingWanted = true;
      } else {
        ping(next);
      }
    } else if (!state.held && state.ourLeft > 0 && needsReminder(state)) {
      next.reminded = true;
      next.toGo += 'P';
    } else if (!state.held && state.ourLeft > 0 && hasRoom(state)) {
      next.ourLeft--;
      next.toGo += 'D';
      if (has(Part.FLIGHT_WINDOW)) {
        next.flight++;
        if (next.flight == FLIGHT) {
          ping(next);
        }
      }
      if (state.unconfirmed >= 0) {
        next.unconfirmed++;
        next.held = next.unconfirmed > UNCONFIRMED && has(Part.LIMIT_UNCONFIRMED);
        next.unconfirmed = Math.min(next.unconfirmed, UNCONFIRMED + 1);
      }
    } else {
      return;
    }
    all.add(next.state());
  }

  private boolean needsReminder(State state) {
    return state.unconfirmed >= UNCONFIRMED
        && !state.reminded
        && has(Part.LIMIT_UNCONFIRMED)
        && has(Part.REMIND);
  }

  private static boolean hasRoom(State state) {
    return state.flight < FLIGHT;
  }

  private static void ping(Next next) {
    if (next.control.indexOf('?') < 0) {
      next.control += '?';
    }
  }

  private void weReceive(State state, List<State> all) {
    if (state.toUs.isEmpty()) {
      return;
    }
    var next = new Next(state);
    next.toUs = state.toUs.substring(1);
    switch (state.toUs.charAt(0)) {
      case 'D' -> {
        next.ourBuffer++;
        if (state.weHold) {
          next.sincePause++;
          if (next.sincePause > PAUSE_AGAIN) {
            next.sincePause = 0;
            pauseGo(next);
          }
        } else if (next.ourBuffer > OUR_HIGH) {
          next.weHold = true;
          next.sincePause = 0;
          pauseGo(next);
        }
      }
      case 'P' -> {
        next.barrier = 0;
        next.held = true;
        if (!state.weHold) {
          if (has(Part.ANSWER_PAUSE)) {
            next.control += 'R';
          }
          scheduleProbe(next);
        }
      }
      case 'R' -> release(next);
      case '!' -> {
        int arrived = state.marks.charAt(0) - '0';
        var marks = new StringBuilder();
        state.marks.chars().skip(1).forEach(mark -> marks.append(mark - '0' - arrived));
        next.marks = marks.toString();
        next.flight -= arrived;
        if (state.barrier > 0) {
          next.barrier = has(Part.COUNT_PONGS) ? state.barrier - 1 : 0;
          if (next.barrier == 0) {
            release(next);
          }
        }
        if (state.pingWanted) {
          next.pingWanted = false;
          ping(next);
        }
      }
      default -> throw new IllegalStateException(state.toUs);
    }
    all.add(next.state());
  }

  private static void pauseGo(Next next) {
    next.control += 'P';
    next.unconfirmed = 0;
    next.reminded = false;
  }

  private static void release(Next next) {
    next.barrier = 0;
    next.held = false;
    if (next.probe == 'd') {
      next.probe = 'n';
    }
    next.unconfirmed = Math.min(next.unconfirmed, 0);
    next.reminded = false;
  }

  private void scheduleProbe(Next next) {
    if (has(Part.PROBE) && next.probe == 'n') {
      next.probe = 's';
    }
  }

  /** The target takes a piece. */
  private void weRead(State state, List<State> all) {
    if (state.ourBuffer == 0 || stuck == Stuck.OUR_READER) {
      return;
    }
    var next = new Next(state);
    next.ourBuffer--;
    if (state.weHold && next.ourBuffer <= OUR_LOW) {
      next.weHold = false;
      next.control += 'R';
      next.unconfirmed = -1;
      next.reminded = false;
      if (state.held && state.barrier == 0) {
        scheduleProbe(next);
      }
    }
    all.add(next.state());
  }

  private static void timerRunsOut(State state, List<State> all) {
    if (state.probe == 's') {
      var next = new Next(state);
      next.probe = state.held ? 'd' : 'n';
      all.add(next.state());
    }
  }

  /** Pings are sent for other reasons, too. */
  private static void somebodyPings(State state, List<State> all) {
    if (state.marks.isEmpty() && !state.pingWanted) {
      var next = new Next(state);
      ping(next);
      all.add(next.state());
    }
  }

  // ---- the Go peer

  private static void goReceives(State state, List<State> all) {
    if (state.toGo.isEmpty()) {
      return;
    }
    var next = new Next(state);
    next.toGo = state.toGo.substring(1);
    switch (state.toGo.charAt(0)) {
      case 'D' -> {
        next.goBuffer++;
        goPauses(next);
      }
      case 'p' -> goPauses(next);
      case 'P' -> next.goPaused = true;
      case 'R' -> {
        next.goPaused = false;
        next.goWaits = false;
      }
      case '?' -> next.toUs += '!';
      default -> throw new IllegalStateException(state.toGo);
    }
    if (next.toUs.length() <= ON_THE_WAY) { // else its reader waits with what it has to say
      all.add(next.state());
    }
  }

  private static void goPauses(Next next) {
    if (next.goBuffer > GO_HIGH && !next.goPaused) {
      next.goPaused = true;
      next.toUs += 'P';
    }
  }

  private static void goWrites(State state, List<State> all) {
    if (state.goWaits || state.goLeft == 0) {
      return;
    }
    var next = new Next(state);
    if (state.goPaused) {
      next.goWaits = true;
    } else if (state.toUs.length() < ON_THE_WAY) {
      next.goLeft--;
      next.toUs += 'D';
    } else {
      return;
    }
    all.add(next.state());
  }

  /** Its Resume clears the flag that its own Pause has set, or ours, and wakes nobody. */
  private void goReads(State state, List<State> all) {
    if (state.goBuffer == 0 || stuck == Stuck.GO_READER) {
      return;
    }
    var next = new Next(state);
    next.goBuffer--;
    if (next.goBuffer == 0 && state.goPaused) {
      next.goPaused = false;
      next.toUs += 'R';
    }
    if (next.toUs.length() <= ON_THE_WAY) {
      all.add(next.state());
    }
  }
}
