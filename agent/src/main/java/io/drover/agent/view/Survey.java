package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.Answer;
import io.drover.agent.kube.ApiReader;
import io.drover.proto.report.Cause;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/** The cluster read once, in some seconds. */
public final class Survey implements ClusterView {
  private final Map<Kind<?>, Answer<? extends Collection<?>>> lists;
  private final Facts facts;

  private Survey(Map<Kind<?>, Answer<? extends Collection<?>>> lists, Facts facts) {
    this.lists = Map.copyOf(lists);
    this.facts = facts;
  }

  /**
   * Reads everything. Blocks.
   *
   * @param progress is told what is being read
   */
  public static Survey read(
      ApiReader api, SurveyConfig config, Clock clock, Consumer<String> progress)
      throws InterruptedException {
    var reader = new FactReader(api, config, clock);
    progress.accept("discovery");
    var discovery = reader.discovery();
    var lists = new HashMap<Kind<?>, Answer<? extends Collection<?>>>();
    for (var kinds : List.of(Kinds.WATCHED, Kinds.READ, Kinds.SELDOM)) {
      for (Kind<?> kind : kinds) {
        progress.accept(kind.toString());
        lists.put(kind, list(api, kind, discovery));
      }
    }
    progress.accept("facts");
    Answer<Collection<Node>> nodes =
        Objects.requireNonNull(lists.get(Kinds.NODES)).map(Survey::cast);
    var facts = reader.read(discovery, reader.nodePorts(), nodes);
    return new Survey(lists, facts);
  }

  /** One list, if its kind is served. */
  static <T> Answer<List<T>> list(ApiReader api, Kind<T> kind, Answer<Discovery> discovery)
      throws InterruptedException {
    var records = new ArrayList<T>();
    return listed(
            api, kind, discovery, object -> kind.record().apply(object).ifPresent(records::add))
        .map(_ -> List.copyOf(records));
  }

  /** From the API server's memory, at its version. */
  static Answer<ApiReader.Listed> listed(
      ApiReader api, Kind<?> kind, Answer<Discovery> discovery, Consumer<JsonNode> each)
      throws InterruptedException {
    String version = kind.version();
    if (discovery instanceof Answer.Found<Discovery>(var served)) {
      if (!kind.group().isEmpty() && !served.serves(kind.group(), kind.plural())) {
        return new Answer.Missing<>(Cause.NOT_SERVED, kind + " is not served");
      }
      version = served.version(kind.group()).orElse(version);
    }
    return api.list(kind.path(version) + "?resourceVersion=0", kind.accept(), each);
  }

  @Override
  public <T> Answer<Collection<T>> all(Kind<T> kind) {
    var answer = lists.get(kind);
    if (answer == null) {
      throw new IllegalArgumentException("a survey does not read " + kind);
    }
    return answer.map(Survey::cast);
  }

  /** What was put in under a kind is of that kind. */
  @SuppressWarnings("unchecked")
  private static <T> Collection<T> cast(Collection<?> records) {
    return (Collection<T>) records;
  }

  @Override
  public Facts facts() {
    return facts;
  }
}
