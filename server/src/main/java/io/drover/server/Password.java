package io.drover.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.server.store.Secret;
import java.io.Console;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Optional;

/** A password for a command: never an argument, which everybody on the machine can see. */
final class Password {
  /** Of the line on stdin, in bytes: what the server takes, and more. */
  static final int MAX_BYTES = 2048;

  private Password() {}

  /**
   * Asks for it twice at the terminal, or reads the first line of stdin; blocks for that.
   *
   * @throws IOException if there is none, or the two are not the same
   */
  static Secret read(String username) throws IOException {
    var terminal = Optional.ofNullable(System.console()).filter(Console::isTerminal);
    return terminal.isPresent() ? ask(terminal.get(), username) : firstLine(System.in);
  }

  private static Secret ask(Console console, String username) throws IOException {
    char[] first = console.readPassword("New password of %s: ", username);
    char[] again = console.readPassword("Once more: ");
    if (first == null || again == null) {
      throw new IOException("no password given");
    }
    if (!Arrays.equals(first, again)) {
      throw new IOException("the two are not the same; nothing was changed");
    }
    return new Secret(new String(first));
  }

  /** No byte behind the line is read. */
  static Secret firstLine(InputStream in) throws IOException {
    byte[] line = new byte[MAX_BYTES];
    int length = 0;
    for (int next = in.read(); next >= 0 && next != '\n'; next = in.read()) {
      if (length == MAX_BYTES) {
        throw new IOException("password too long: limit=" + MAX_BYTES + " bytes");
      }
      line[length++] = (byte) next;
    }
    if (length > 0 && line[length - 1] == '\r') {
      length--;
    }
    if (length == 0) {
      throw new IOException("no password given: write it to stdin, as one line");
    }
    return new Secret(new String(line, 0, length, UTF_8));
  }
}
