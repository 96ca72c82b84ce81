package io.drover.agent.check;

import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ChainLink;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The certificates of a server, drawn from its own up to whom it trusts, with what is missing. */
final class ChainPicture {
  private ChainPicture() {}

  /**
   * Draws it.
   *
   * @param refused why the chain was not accepted; null if it was
   */
  static List<String> of(List<ChainLink> chain, @Nullable Reason refused) {
    var lines = new ArrayList<String>();
    for (int i = 0; i < chain.size(); i++) {
      ChainLink link = chain.get(i);
      lines.add("● " + link.subject());
      if (i == 0) {
        lines.add("│   for " + link.names());
      }
      lines.add("│   valid " + link.notBefore() + " to " + link.notAfter());
      if (i < chain.size() - 1) {
        boolean joined = link.issuer().equals(chain.get(i + 1).subject());
        lines.add(
            joined
                ? "│   signed by the next"
                : "✗   signed by " + link.issuer() + ", which is missing here");
      } else {
        lines.add(end(link, refused));
      }
    }
    return lines;
  }

  private static String end(ChainLink last, @Nullable Reason refused) {
    String signed = last.isSelfSigned() ? "signed by itself" : "signed by " + last.issuer();
    return switch (refused) {
      case null -> "╵   " + signed + (last.isSelfSigned() ? ": trusted" : ", which is trusted");
      case TLS_INCOMPLETE_CHAIN, TLS_UNKNOWN_ISSUER ->
          last.isSelfSigned()
              ? "✗   " + signed + ": not trusted here"
              : "✗   " + signed + ", which is neither sent nor trusted here";
      case TLS_CA_REPLACED -> "✗   " + signed + ": a CA of that name is trusted, with another key";
      default -> "╵   " + signed;
    };
  }
}
