package io.drover.agent.tunnel;

import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.AddClient;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Malformed;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.RemoveClient;
import io.drover.proto.tunnel.Message.Resume;
import io.drover.proto.tunnel.Message.SyncConnections;
import io.drover.proto.tunnel.Message.Unknown;

/** A message as one line for the log: never payload, and what the peer wrote only escaped. */
final class WireTrace {
  private WireTrace() {}

  static String of(Message message) {
    return switch (message) {
      case Data(var id, var payload) ->
          "Data[streamId=" + id + ", bytes=" + payload.remaining() + "]";
      case SyncConnections(var ids) -> "SyncConnections[streams=" + ids.size() + "]";
      case Close(var id, var reason) ->
          "Close[streamId=" + id + ", reason=" + printable(reason) + "]";
      case Connect(var id, var network, var address) ->
          "Connect[streamId=" + id + ", target=" + printable(network + "/" + address) + "]";
      case AddClient _, RemoveClient _, Pause _, Resume _, Unknown _, Malformed _ ->
          printable(message.toString());
    };
  }

  /** The peer's text without control characters. */
  static String printable(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }
}
