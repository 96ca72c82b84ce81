package io.drover.agent.tunnel;

import io.drover.agent.Interop;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.util.ArrayList;
import java.util.List;

/** What Rancher's own library makes of inputs: the program of {@code interop/wire}. */
final class GoWire implements AutoCloseable {
  private static final int PIPE_BYTES = 1 << 20;

  private final Process process;
  private final DataOutputStream questions;
  private final DataInputStream answers;

  private GoWire(Process process) {
    this.process = process;
    this.questions =
        new DataOutputStream(new BufferedOutputStream(process.getOutputStream(), PIPE_BYTES));
    this.answers =
        new DataInputStream(new BufferedInputStream(process.getInputStream(), PIPE_BYTES));
  }

  static GoWire start() throws IOException, InterruptedException {
    return new GoWire(
        new ProcessBuilder(Interop.built("wire").resolve("wire").toString())
            .redirectError(Redirect.INHERIT)
            .start());
  }

  /** Asks about all inputs, and does not wait for the answers. */
  void ask(List<WireInputs.Input> inputs) throws IOException {
    questions.writeInt(inputs.size());
    for (var input : inputs) {
      questions.writeByte(input.kind().code);
      questions.writeInt(input.bytes().length);
      questions.write(input.bytes());
    }
    questions.flush();
  }

  /** The answers to what was asked last. */
  List<byte[]> answers(int count) throws IOException {
    var all = new ArrayList<byte[]>(count);
    for (int i = 0; i < count; i++) {
      var answer = new byte[answers.readInt()];
      answers.readFully(answer);
      all.add(answer);
    }
    return all;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
