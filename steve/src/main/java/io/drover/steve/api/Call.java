package io.drover.steve.api;

import io.drover.steve.http.Query;
import io.drover.steve.http.Request;
import io.drover.steve.kube.User;
import io.drover.steve.schema.Schema;
import io.drover.steve.schema.UserSchemas;

/**
 * A request that is understood.
 *
 * @param method what is to be done, which need not be the request's own method
 * @param schema of what
 * @param namespace in which; empty: in all, or in none
 * @param name of one object; empty: of all
 */
record Call(
    Request request,
    String method,
    User user,
    UserSchemas schemas,
    Schema schema,
    String namespace,
    String name,
    Links links,
    Reply reply) {
  Query query() {
    return request.query();
  }

  /** The same by other rights. */
  Call with(UserSchemas now, Schema ofThem) {
    return new Call(request, method, user, now, ofThem, namespace, name, links, reply);
  }

  /** The same in a namespace; empty: in all. */
  Call in(String other) {
    return new Call(request, method, user, schemas, schema, other, name, links, reply);
  }

  /** Whether it is about one object. */
  boolean isOne() {
    return !name.isEmpty();
  }
}
