package io.drover.steve.api;

import io.drover.steve.counts.Count;
import io.drover.steve.counts.CountsStream;
import io.drover.steve.kube.Json;
import io.drover.steve.live.LiveCounts;
import io.drover.steve.schema.Types;
import io.drover.steve.schema.UserSchemas;
import java.io.IOException;
import java.time.Clock;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How many objects there are of the types that a user is shown. The first time that a type is
 * counted is no news: the page has asked for the counts before.
 */
final class ToldCounts implements Told, LiveCounts.Viewer {
  private final Wanted wanted;
  private final Links links;
  private final LiveCounts counts;
  private final CountsStream stream;
  private final LongSupplier nanoTime;
  private final Runnable wake;

  /** Told by other threads. */
  private final Set<String> touched = ConcurrentHashMap.newKeySet();

  private volatile UserSchemas now;
  private Types types;

  /**
   * Begins.
   *
   * @param wake called when there is something to do
   */
  ToldCounts(
      Wanted wanted,
      Links links,
      LiveCounts counts,
      UserSchemas now,
      Clock clock,
      LongSupplier nanoTime,
      Runnable wake)
      throws IOException {
    this.wanted = wanted;
    this.links = links;
    this.counts = counts;
    this.now = now;
    this.types = now.types();
    this.nanoTime = nanoTime;
    this.stream = new CountsStream(clock, Map.of());
    this.wake = wake;
    counts.join(types, this);
    now.all().forEach(schema -> first(schema.id()));
  }

  @Override
  public void first(String typeId) {
    var count = count(typeId);
    if (count != null) {
      stream.knows(typeId, count);
    }
  }

  @Override
  public void changed(String typeId) {
    if (touched.add(typeId)) {
      wake.run();
    }
  }

  @Override
  public void look(UserSchemas current) throws IOException {
    if (current != now) {
      now = current;
      current.all().forEach(schema -> touched.add(schema.id()));
    }
    if (current.types() != types) {
      types = current.types();
      counts.follow(types);
    }
  }

  @Override
  public After step(Out out) throws IOException {
    for (String id : Set.copyOf(touched)) {
      touched.remove(id);
      stream.changed(id);
    }
    var news = stream.next(this::count);
    if (news.isPresent()) {
      var content = Json.MAPPER.createObjectNode();
      content.set("counts", news.get());
      var self = Map.of("self", links.object("counts", "count"));
      out.send(wanted.message("resource.change", "", Envelope.of("count", "count", self, content)));
    }
    return After.WAIT;
  }

  private @Nullable Count count(String id) {
    var schema = now.lookup(id);
    if (schema == null || schema.type().isEmpty() || schema.rights().isLimitedByName("list")) {
      return null;
    }
    return counts.count(id, Scopes.listed(schema.rights(), schema.namespaced()));
  }

  @Override
  public OptionalLong dueNanos() {
    return stream
        .untilNext()
        .map(wait -> OptionalLong.of(nanoTime.getAsLong() + wait.toNanos()))
        .orElse(OptionalLong.empty());
  }

  @Override
  public void close() {
    counts.leave(this);
  }
}
