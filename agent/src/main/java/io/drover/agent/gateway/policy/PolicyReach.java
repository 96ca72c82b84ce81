package io.drover.agent.gateway.policy;

import io.drover.steve.kube.Reach;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How far a policy lets a verb reach among the objects of a type: what {@link Policy#decide} says
 * of requests for them, at one moment. Of a rule on names it says {@link Reach.Extent#SOME}, even
 * if another rule had decided all of them before.
 */
final class PolicyReach implements Reach {
  private static final String CREATE = Verbs.CREATE;

  /** What two requests reach, of which both are needed. */
  private record Both(Reach one, Reach other) implements Reach {
    @Override
    public Extent everywhere() {
      return both(one.everywhere(), other.everywhere());
    }

    @Override
    public Extent in(String namespace) {
      return both(one.in(namespace), other.in(namespace));
    }

    private static Extent both(Extent one, Extent other) {
      return one == Extent.ALL ? other : one == Extent.NONE || other == Extent.ALL ? one : other;
    }

    @Override
    public boolean one(String namespace, String name) {
      return one.one(namespace, name) && other.one(namespace, name);
    }

    @Override
    public boolean isByName() {
      return one.isByName() || other.isByName();
    }
  }

  private final Requester requester;
  private final String verb;
  private final String group;
  private final String resource;
  private final Effect standard;
  private final @Nullable BusinessHours hours;
  private final Instant now;

  /** Whether its requests name the object. */
  private final boolean isNamed;

  /** Those that may cover such a request, in their order. */
  private final List<Rule> rules;

  private PolicyReach(
      Policy policy,
      Requester requester,
      String verb,
      String group,
      String resource,
      boolean isNamed,
      Instant now) {
    this.requester = requester;
    this.verb = verb;
    this.group = group;
    this.resource = resource;
    this.standard = policy.standard();
    this.hours = policy.hours();
    this.now = now;
    this.isNamed = isNamed;
    this.rules = policy.rules().stream().filter(this::isOfType).toList();
  }

  /** Of a policy whose denials are not suspended. */
  static Reach of(
      Policy policy, Requester requester, String verb, String group, String resource, Instant now) {
    var reach = of(policy, requester, verb, group, resource, !verb.equals(CREATE), now);
    return Creation.isUpdate(verb) && Creation.isMadeByUpdate(group, resource)
        ? new Both(reach, of(policy, requester, CREATE, group, resource, true, now))
        : reach;
  }

  private static Reach of(
      Policy policy,
      Requester requester,
      String verb,
      String group,
      String resource,
      boolean isNamed,
      Instant now) {
    var reach = new PolicyReach(policy, requester, verb, group, resource, isNamed, now);
    if (reach.rules.isEmpty()) {
      return reach.standard == Effect.ALLOW ? Reach.ALL : Reach.NOTHING;
    }
    return reach;
  }

  private boolean isOfType(Rule rule) {
    // No rule on names covers a request without one, as that for a new object is.
    var aspect = mismatch(rule, "", "");
    boolean covers = aspect == null || aspect == Aspect.NAMESPACE || aspect == Aspect.NAME;
    return covers && (isNamed || rule.names().isEmpty());
  }

  private @Nullable Aspect mismatch(Rule rule, String namespace, String name) {
    return rule.mismatch(
        requester,
        new RequestInfo.Resource(verb, group, "", namespace, resource, "", name),
        hours,
        now);
  }

  private boolean isOfMany() {
    return Verbs.OF_MANY.contains(verb);
  }

  /** Each is in itself, unless it is among others, or not there yet. */
  private boolean isOfNamespaces() {
    return group.isEmpty() && resource.equals("namespaces") && !isOfMany() && isNamed;
  }

  private boolean isAllowed(String namespace, String name) {
    for (var rule : rules) {
      if (mismatch(rule, namespace, name) == null) {
        return rule.effect() == Effect.ALLOW;
      }
    }
    return standard == Effect.ALLOW;
  }

  @Override
  public Extent everywhere() {
    return isOfMany() && isAllowed("", "") ? Extent.ALL : extent(null);
  }

  @Override
  public Extent in(String namespace) {
    return isOfMany() && isAllowed(namespace, "")
        ? Extent.ALL
        : extent(isOfNamespaces() ? null : namespace);
  }

  /** Of a namespace, or of all if it is null. */
  private Extent extent(@Nullable String namespace) {
    boolean allowsSome = false;
    boolean deniesSome = false;
    for (var rule : rules) {
      if (namespace != null && mismatch(rule, namespace, "") == Aspect.NAMESPACE) {
        continue;
      }
      boolean isAllow = rule.effect() == Effect.ALLOW;
      boolean isOfAll = rule.names().isEmpty() && (namespace != null || isOfAnyNamespace(rule));
      if (isOfAll) {
        return end(isAllow, allowsSome, deniesSome);
      }
      allowsSome |= isAllow;
      deniesSome |= !isAllow;
    }
    return end(standard == Effect.ALLOW, allowsSome, deniesSome);
  }

  private static boolean isOfAnyNamespace(Rule rule) {
    return rule.namespaces().isEmpty();
  }

  private static Extent end(boolean rest, boolean allowsSome, boolean deniesSome) {
    if (rest) {
      return deniesSome ? Extent.SOME : Extent.ALL;
    }
    return allowsSome ? Extent.SOME : Extent.NONE;
  }

  @Override
  public boolean one(String namespace, String name) {
    return isAllowed(isOfNamespaces() ? name : namespace, isNamed ? name : "");
  }

  @Override
  public boolean isByName() {
    return rules.stream().map(Rule::names).anyMatch(names -> !names.isEmpty());
  }
}
