package io.drover.steve;

import io.drover.steve.kube.Guard;
import io.drover.steve.kube.Limits;
import io.drover.steve.kube.Reach;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.User;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Denies what a test says, and nothing else. As the gateway's policy does, it denies a list, a
 * watch or a deletion of more than that, too.
 */
public final class ScriptedGuard implements Guard {
  /** Stands for everything. */
  public static final String ANY = "*";

  /** By which refusals are known. */
  public static final String RULE = "by the scripted rule";

  private static final Pattern TARGET =
      Pattern.compile("/api/v1(?:/namespaces/([^/?]+))?/([^/?]+)(?:/([^/?]+))?(\\?.*)?");
  private static final List<String> OF_MANY = List.of("list", "watch", "deletecollection");

  /** What is denied: each may be {@link #ANY}. */
  public record Denial(String user, String verb, String resource, String namespace, String name) {
    boolean isOf(String who, String does, String what) {
      return is(user, who) && is(verb, does) && is(resource, what);
    }

    private static boolean is(String said, String asked) {
      return said.equals(ANY) || said.equals(asked);
    }

    boolean covers(String does, String in, String called) {
      boolean many = OF_MANY.contains(does);
      return (is(namespace, in) || (many && in.isEmpty()))
          && (is(name, called) || (many && called.isEmpty()));
    }
  }

  private volatile List<Denial> denials = List.of();
  private volatile boolean known = true;

  /** From now on this is denied. */
  public void denies(Denial... all) {
    denials = List.of(all);
    known = true;
  }

  /** From now on it is not known what is denied. */
  public void knowsNothing() {
    known = false;
  }

  /**
   * Whether a request is denied.
   *
   * @param namespace empty: all of them
   * @param name empty: it has none
   */
  public boolean isDenied(
      String user, String verb, String resource, String namespace, String name) {
    return denials.stream()
        .anyMatch(one -> one.isOf(user, verb, resource) && one.covers(verb, namespace, name));
  }

  /** The same of a request as it is sent. */
  public boolean isDenied(String user, String method, String target) {
    var parts = TARGET.matcher(target);
    if (!parts.matches()) {
      return false; // of none of the types that tests have
    }
    String namespace = parts.group(1) == null ? "" : parts.group(1);
    String name = parts.group(3) == null ? "" : parts.group(3);
    String query = parts.group(4) == null ? "" : parts.group(4);
    String verb =
        switch (method) {
          case "GET" -> {
            if (!name.isEmpty()) {
              yield "get";
            }
            yield query.contains("watch=1") ? "watch" : "list";
          }
          case "POST" -> "create";
          case "PUT" -> "update";
          case "PATCH" -> "patch";
          default -> name.isEmpty() ? "deletecollection" : "delete";
        };
    return isDenied(user, verb, parts.group(2), namespace, name);
  }

  @Override
  public Limits of(User user) throws Refusal {
    if (!known) {
      throw new Refusal(503, "ServiceUnavailable", "nothing is known yet");
    }
    var now = denials.stream().filter(one -> Denial.is(one.user(), user.name())).toList();
    return new Scripted(user.name(), now);
  }

  private record Scripted(String user, List<Denial> denials) implements Limits {
    @Override
    public void check(String method, String target) throws Refusal {
      var alone = new ScriptedGuard();
      alone.denials = denials;
      if (alone.isDenied(user, method, target)) {
        throw Refusal.guarded(method + " " + target + " " + RULE);
      }
    }

    @Override
    public void checkFree() throws Refusal {
      if (!denials.isEmpty()) {
        throw Refusal.guarded("no shell " + RULE);
      }
    }

    @Override
    public Reach reach(String verb, String group, String resource) {
      var of =
          denials.stream()
              .filter(one -> one.isOf(user, verb, resource))
              .filter(one -> !verb.equals("create") || one.name().equals(ANY))
              .toList();
      return new ScriptedReach(verb, of);
    }
  }

  private record ScriptedReach(String verb, List<Denial> denials) implements Reach {
    private static Extent extent(List<Denial> some, boolean anyOfAll) {
      return some.isEmpty() ? Extent.ALL : anyOfAll ? Extent.NONE : Extent.SOME;
    }

    @Override
    public Extent everywhere() {
      return extent(
          denials,
          denials.stream().anyMatch(one -> one.namespace().equals(ANY) && one.name().equals(ANY)));
    }

    @Override
    public Extent in(String namespace) {
      var here = denials.stream().filter(one -> Denial.is(one.namespace(), namespace)).toList();
      return extent(here, here.stream().anyMatch(one -> one.name().equals(ANY)));
    }

    @Override
    public boolean one(String namespace, String name) {
      return denials.stream().noneMatch(one -> one.covers(verb, namespace, name));
    }

    @Override
    public boolean isByName() {
      return denials.stream().anyMatch(one -> !one.name().equals(ANY));
    }
  }
}
