package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.access.AccessSet;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Refusal;
import io.drover.steve.live.Change;
import io.drover.steve.live.Change.Kind;
import io.drover.steve.live.Feeds;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.schema.UserSchemas;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What happens to objects of one type, as far as they are the user's. It has a place in the {@link
 * io.drover.steve.live.Feed} of the type, and no queue: who reads so slowly that the feed has
 * forgotten what comes next is told so, and lists again.
 */
final class ToldObjects implements Told {
  /** For one object to be read. */
  static final Duration OBJECT_LIMIT = Duration.ofSeconds(5);

  /** Changes in one step, between which others have their turn. */
  static final int AT_ONCE = 64;

  /** The same, if objects must be read, each of which may have 1 MiB. */
  static final int READ_AT_ONCE = 4;

  /** How the objects that are there are told first, and what is said of versions. */
  enum Manner {
    /** As Kubernetes: without a version, all that are there come first. */
    CLASSIC,
    /** Only what comes behind the version, or now. */
    SQL
  }

  /**
   * What all of a socket have in common.
   *
   * @param wake tells the socket that there is something to do
   */
  record Around(
      ApiServer api,
      Feeds feeds,
      ListRelations relations,
      Manner manner,
      Clock clock,
      LongSupplier nanoTime,
      Runnable wake) {}

  /** A change as it will be sent. */
  private record Event(Kind kind, long revision, ObjectNode object) {}

  private final Wanted wanted;
  private final Around around;
  private final ResourceType type;
  private final AccessSet access;
  private final Shown shown;

  /** Null: the type cannot be watched, and nothing is ever heard. */
  private final @Nullable Beginning beginning;

  private final Selection selection;
  private final Rest rest;
  private Call call;
  private boolean over;
  private long next = -1;
  private long noticed = -1;
  private long noticeDueNanos;
  private boolean everNoticed;

  /**
   * Begins.
   *
   * @param call of the socket, with the user's rights as they are now, and the schema that is
   *     looked at
   * @param resourceVersion what the page has seen; may be empty
   */
  ToldObjects(Wanted wanted, String resourceVersion, Call call, Around around) {
    this.wanted = wanted;
    this.call = call;
    this.around = around;
    this.type = call.schema().type().orElseThrow();
    this.access = call.schemas().access();
    this.selection = new Selection(wanted.selector(), around.manner() == Manner.CLASSIC);
    var columns = around.manner() == Manner.SQL ? KubeLists.columns(type) : null;
    this.rest = new Rest(around.nanoTime());
    this.shown = new Shown(type, columns, around.clock());
    this.beginning =
        type.verbs().contains("watch")
            ? new Beginning(wanted, resourceVersion, call, around, selection, shown)
            : null;
  }

  @Override
  public void look(UserSchemas now) {
    var schema = now.lookup(wanted.resourceType());
    over |=
        !now.access().isAs(access) || schema == null || !schema.type().equals(Optional.of(type));
    if (!over && schema != null) {
      call = call.with(now, schema);
    }
  }

  @Override
  public boolean hears() {
    return over || beginning == null || beginning.hears();
  }

  @Override
  public After step(Out out) throws IOException {
    if (over) {
      return After.OVER;
    }
    if (beginning == null) {
      return After.WAIT;
    }
    var place = beginning.place();
    String failure = beginning.failure();
    for (var object = beginning.there(); object != null; object = beginning.there()) {
      String version = object.at("/metadata/resourceVersion").asText("");
      out.send(wanted.message("resource.create", version, object));
    }
    if (failure != null) {
      out.send(wanted.error(failure));
      return After.OVER;
    }
    return place == null ? After.WAIT : tell(place, out);
  }

  private After tell(Beginning.Place place, Out out) throws IOException {
    if (next < 0) {
      next = place.first();
      noticed = place.noticed();
    }
    if (rest.isOn()) {
      return After.WAIT;
    }
    var feed = place.view().feed();
    int most = feed.isHollow() && !wanted.isOfChanges() ? READ_AT_ONCE : AT_ONCE;
    var changes = feed.read(next, most);
    if (changes.isEmpty() && hearsOnlyThatThereAreSome() && feed.refusal().isEmpty()) {
      next = feed.end();
      notePending(feed.last());
      notice(out);
      return After.WAIT;
    }
    if (changes.isEmpty()) {
      String why = beginning == null ? "" : beginning.tooOld(feed);
      out.send(wanted.error(feed.refusal().orElse(why)));
      return After.OVER;
    }
    var events = new ArrayList<Event>();
    for (var change : changes.get()) {
      next = change.number() + 1;
      if (change.revision() > place.skipped()
          && wanted.isFor(call, change.namespace(), change.name())) {
        var kind = selection.kind(change);
        if (kind != null) {
          add(change, kind, feed.isHollow(), events);
        }
      }
    }
    tell(events, out);
    notice(out);
    return changes.get().size() == most ? After.GO_ON : After.WAIT;
  }

  /** Whether changes that are not known any more have not been missed. */
  private boolean hearsOnlyThatThereAreSome() {
    return wanted.isOfChanges() && selection.isEverything();
  }

  private void add(Change change, Kind kind, boolean isHollow, List<Event> events)
      throws IOException {
    if (wanted.isOfChanges()) {
      notePending(change.revision());
      return;
    }
    var object = isHollow && kind != Kind.REMOVE ? asItIsNow(change) : Optional.of(change.object());
    if (object.isPresent()) {
      shown.prepare(object.get());
      events.add(new Event(kind, change.revision(), object.get()));
    }
  }

  private void tell(List<Event> events, Out out) throws IOException {
    if (events.isEmpty()) {
      return;
    }
    try (var others = around.relations().of(call, true, false)) {
      long begunNanos = around.nanoTime().getAsLong();
      others.expect(events.stream().map(Event::object).toList());
      rest.behind(begunNanos);
      for (var event : events) {
        var name =
            switch (event.kind()) {
              case CREATE -> "resource.create";
              case CHANGE -> "resource.change";
              case REMOVE -> "resource.remove";
            };
        var json = shown.of(call, event.object(), others);
        out.send(wanted.message(name, Long.toString(event.revision()), json));
      }
    }
  }

  /** One whose values are not kept; empty if it is gone again, or not to be read. */
  private Optional<ObjectNode> asItIsNow(Change change) throws IOException {
    String target =
        type.path(ApiRequest.segment(change.namespace()))
            + "/"
            + ApiRequest.segment(change.name())
            + "?includeObject=Object";
    var request = ApiRequest.get(target, ApiRequest.TABLE).as(call.user()).within(OBJECT_LIMIT);
    try (var answer = around.api().send(request)) {
      return Optional.of(Rows.one(answer.body()));
    } catch (Refusal _) {
      return Optional.empty();
    }
  }

  private void notePending(long revision) {
    if (noticed < 0) {
      long wait = everNoticed ? wanted.debounce().toNanos() : 0;
      noticeDueNanos = around.nanoTime().getAsLong() + wait;
    }
    noticed = Math.max(noticed, revision);
  }

  private void notice(Out out) throws IOException {
    if (noticed >= 0 && (!everNoticed || around.nanoTime().getAsLong() - noticeDueNanos >= 0)) {
      everNoticed = true;
      out.send(wanted.message("resource.changes", Long.toString(noticed), Wanted.nothing()));
      noticed = -1;
    }
  }

  @Override
  public OptionalLong dueNanos() {
    if (rest.endNanos().isPresent()) {
      return rest.endNanos();
    }
    return noticed >= 0 && everNoticed ? OptionalLong.of(noticeDueNanos) : OptionalLong.empty();
  }

  @Override
  public void close() {
    if (beginning != null) {
      beginning.close();
    }
  }
}
