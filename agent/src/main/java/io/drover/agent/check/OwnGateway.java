package io.drover.agent.check;

import io.drover.proto.handshake.ConnectParams;
import java.io.IOException;
import java.util.List;

/**
 * What a check needs of the agent's gateway, so that it need not know what that is made of. Methods
 * block, within limits; what is wrong is an {@link IOException}, with its reason.
 */
public interface OwnGateway {
  /**
   * What came of looking at something.
   *
   * @param status not {@link Status#FAILED}
   * @param detail one line; never a secret
   * @param more further lines
   */
  record Finding(Status status, String detail, List<String> more) {
    public Finding {
      more = List.copyOf(more);
    }

    public static Finding passed(String detail) {
      return new Finding(Status.PASSED, detail, List.of());
    }

    public static Finding warning(String detail) {
      return new Finding(Status.WARNING, detail, List.of());
    }

    public static Finding skipped(String why) {
      return new Finding(Status.SKIPPED, why, List.of());
    }
  }

  /** Whether it can be to the server what it was. Makes nothing. */
  Finding identity() throws IOException;

  /**
   * What the server is told of it.
   *
   * @throws IOException if there is no identity of which that could be made
   */
  ConnectParams params() throws IOException;

  /** Whether the policy of now is one, and whether the agent here has it in force. */
  Finding policy() throws IOException, InterruptedException;

  /** Whether requests can be recorded where they are to be. */
  Finding audit() throws IOException;
}
