package io.drover.agent.gateway.policy;

/** By what a rule may not cover a request; in the order in which it is looked at. */
enum Aspect {
  SUBJECT("subjects"),
  HOURS("hours"),
  KIND("resources"),
  VERB("verbs"),
  GROUP("apiGroups"),
  RESOURCE("resources"),
  NAMESPACE("namespaces"),
  NAME("resourceNames"),
  URL("nonResourceURLs");

  private final String field;

  Aspect(String field) {
    this.field = field;
  }

  /** Of a rule, the one to look at. */
  String field() {
    return field;
  }
}
