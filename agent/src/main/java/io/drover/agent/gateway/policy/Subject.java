package io.drover.agent.gateway.policy;

/** To whom a rule applies. A name {@value #ANY} is any name, as in a FlowSchema. */
sealed interface Subject {
  String ANY = "*";

  boolean covers(Requester requester);

  /** As in a policy, on one line. */
  String text();

  /** A user, ServiceAccounts included; never the server itself. */
  record User(String name) implements Subject {
    @Override
    public boolean covers(Requester requester) {
      return !requester.isServer() && (name.equals(ANY) || name.equals(requester.user()));
    }

    @Override
    public String text() {
      return "User " + name;
    }
  }

  /** Whoever is in that group. */
  record Group(String name) implements Subject {
    @Override
    public boolean covers(Requester requester) {
      return name.equals(ANY) || requester.groups().contains(name);
    }

    @Override
    public String text() {
      return "Group " + name;
    }
  }

  /** An account of the cluster, or with {@value #ANY} all of a namespace. */
  record ServiceAccount(String namespace, String name) implements Subject {
    @Override
    public boolean covers(Requester requester) {
      String prefix = Requester.SERVICE_ACCOUNT_PREFIX + namespace + ":";
      return name.equals(ANY)
          ? requester.user().startsWith(prefix)
          : requester.user().equals(prefix + name);
    }

    @Override
    public String text() {
      return "ServiceAccount " + namespace + "/" + name;
    }
  }

  /** The management server, asking for itself. */
  record Server() implements Subject {
    @Override
    public boolean covers(Requester requester) {
      return requester.isServer();
    }

    @Override
    public String text() {
      return "Server";
    }
  }
}
