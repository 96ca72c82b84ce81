package io.drover.server.account;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What somebody may do in one cluster. The cluster itself decides: requests go there in the name of
 * the role's group, which a ClusterRoleBinding of ours joins with one of Kubernetes' own roles.
 */
public enum Role {
  /** Everything, whatever the cluster's RBAC says. Nobody is given this: administrators have it. */
  ADMIN("", "system:masters", ""),
  /** Everything in the cluster, and its members. */
  OWNER("cluster-owner", "drover:cluster-owner", "cluster-admin"),
  /** Works in all namespaces. */
  MEMBER("cluster-member", "drover:cluster-member", "edit"),
  /** Looks, but at no Secrets. */
  READ_ONLY("read-only", "drover:read-only", "view");

  /** Those that members have. */
  public static final List<Role> OF_MEMBERS = List.of(OWNER, MEMBER, READ_ONLY);

  private final String text;
  private final String group;
  private final String clusterRole;

  Role(String text, String group, String clusterRole) {
    this.text = text;
    this.group = group;
    this.clusterRole = clusterRole;
  }

  /** As Rancher's {@code roleTemplateId}; Rancher has no read-only one. */
  public String text() {
    return text;
  }

  /** The group in the cluster. */
  public String group() {
    return group;
  }

  /** Kubernetes' role for it. */
  public String clusterRole() {
    return clusterRole;
  }

  /** The one of a member that is written so. */
  public static Optional<Role> of(String text) {
    return OF_MEMBERS.stream().filter(role -> role.text.equals(text)).findFirst();
  }

  /** All their texts, for people. */
  public static String texts() {
    return String.join(", ", Arrays.asList(OWNER.text, MEMBER.text, READ_ONLY.text));
  }
}
