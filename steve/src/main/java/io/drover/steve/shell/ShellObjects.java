package io.drover.steve.shell;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.User;
import java.time.Duration;
import java.util.List;

/**
 * What one shell is made of: a ServiceAccount that may do nothing but be its user, and a pod that
 * has it. The ClusterRole owns all others, so that with it they are gone.
 *
 * @param id of the shell, by which all of them are named
 */
record ShellObjects(String id) {
  /** By which leavings are found. */
  static final String LABEL = "drover.io/shell";

  /** Where Rancher has the pods of its shells. */
  static final String NAMESPACE = "cattle-system";

  /** From which the pod gets its kubeconfig, so that no other object has to hold it. */
  static final String KUBECONFIG = "drover.io/kubeconfig";

  static final String CONTAINER = "shell";

  private static final String RBAC = "rbac.authorization.k8s.io";
  private static final String ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/";
  private static final String HOME = "/home/shell";

  /** As in Rancher's image. */
  private static final int USER_ID = 1000;

  /** For the browser to come. */
  private static final int FIRST_SECONDS = 60;

  /**
   * Ends when nobody is in the pod any more, whoever may have to tell it so. A process of the shell
   * is one beside this, since the pod's are alone.
   */
  private static final String UNTIL_ALONE =
      "sleep " + FIRST_SECONDS + "; while set -- /proc/[0-9]*; [ $# -gt 1 ]; do sleep 10; done";

  /**
   * The image's own home, which is read-only, and the kubeconfig as Helm wants it: nobody else's.
   */
  private static final String MAKE_HOME =
      "cp -r /home/shell/. /home-copy/; mkdir -p /home-copy/.kube"
          + " && cp /kubeconfig/config /home-copy/.kube/config"
          + " && chmod 600 /home-copy/.kube/config";

  String role() {
    return "pod-impersonation-shell-" + id;
  }

  String pod() {
    return "dashboard-shell-" + id;
  }

  private ObjectNode object(String apiVersion, String kind, String name) {
    var object = Json.MAPPER.createObjectNode().put("apiVersion", apiVersion).put("kind", kind);
    object.putObject("metadata").put("name", name).putObject("labels").put(LABEL, id);
    return object;
  }

  private ObjectNode owned(String apiVersion, String kind, String name, String roleUid) {
    var object = object(apiVersion, kind, name);
    object
        .withObject("/metadata")
        .putArray("ownerReferences")
        .addObject()
        .put("apiVersion", RBAC + "/v1")
        .put("kind", "ClusterRole")
        .put("name", role())
        .put("uid", roleUid);
    return object;
  }

  /** The right to be this user, as a member of his groups, and nobody else. */
  ObjectNode clusterRole(User user) {
    var role = object(RBAC + "/v1", "ClusterRole", role());
    var rules = role.putArray("rules");
    rules.add(rule("users", List.of(user.name())));
    if (!user.groups().isEmpty()) {
      rules.add(rule("groups", user.groups()));
    }
    return role;
  }

  private static ObjectNode rule(String resource, List<String> names) {
    var rule = Json.MAPPER.createObjectNode();
    rule.putArray("apiGroups").add("");
    rule.putArray("resources").add(resource);
    rule.putArray("verbs").add("impersonate");
    var all = rule.putArray("resourceNames");
    names.forEach(all::add);
    return rule;
  }

  ObjectNode serviceAccount(String roleUid) {
    return owned("v1", "ServiceAccount", role(), roleUid)
        .put("automountServiceAccountToken", false);
  }

  ObjectNode binding(String roleUid) {
    var binding = owned(RBAC + "/v1", "ClusterRoleBinding", role(), roleUid);
    binding
        .putObject("roleRef")
        .put("apiGroup", RBAC)
        .put("kind", "ClusterRole")
        .put("name", role());
    binding
        .putArray("subjects")
        .addObject()
        .put("kind", "ServiceAccount")
        .put("name", role())
        .put("namespace", NAMESPACE);
    return binding;
  }

  /**
   * The pod.
   *
   * @param length after which its node ends it
   */
  ObjectNode pod(User user, ShellImage image, Duration length, String roleUid)
      throws JsonProcessingException {
    var pod = owned("v1", "Pod", pod(), roleUid);
    pod.withObject("/metadata/annotations").put(KUBECONFIG, kubeconfig(user));
    var spec =
        (ObjectNode)
            Json.MAPPER.readTree(
                """
                {
                  "restartPolicy": "Never",
                  "automountServiceAccountToken": true,
                  "enableServiceLinks": false,
                  "terminationGracePeriodSeconds": 0,
                  "nodeSelector": {"kubernetes.io/os": "linux"},
                  "tolerations": [
                    {"key": "cattle.io/os", "operator": "Equal", "value": "linux",
                      "effect": "NoSchedule"},
                    {"key": "node-role.kubernetes.io/controlplane", "operator": "Exists",
                      "effect": "NoSchedule"},
                    {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists",
                      "effect": "NoSchedule"},
                    {"key": "node-role.kubernetes.io/etcd", "operator": "Exists",
                      "effect": "NoExecute"}
                  ],
                  "securityContext": {"runAsNonRoot": true, "seccompProfile":
                    {"type": "RuntimeDefault"}},
                  "volumes": [
                    {"name": "home", "emptyDir": {"sizeLimit": "1Gi"}},
                    {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
                    {"name": "kubeconfig", "downwardAPI": {"items": [{"path": "config"}]}}
                  ]
                }""");
    spec.put("serviceAccountName", role());
    image
        .pullSecrets()
        .forEach(name -> spec.withArray("/imagePullSecrets").addObject().put("name", name));
    spec.put("activeDeadlineSeconds", length.toSeconds());
    spec.withObject("/securityContext")
        .put("runAsUser", USER_ID)
        .put("runAsGroup", USER_ID)
        .put("fsGroup", USER_ID);
    ((ObjectNode) spec.at("/volumes/2/downwardAPI/items/0"))
        .putObject("fieldRef")
        .put("fieldPath", "metadata.annotations['" + KUBECONFIG + "']");
    var home = spec.putArray("initContainers");
    home.add(container("home", image.name(), MAKE_HOME, List.of("home", "kubeconfig")));
    var main = spec.putArray("containers");
    main.add(container(CONTAINER, image.name(), UNTIL_ALONE, List.of("home", "tmp")));
    ((ObjectNode) home.get(0).at("/volumeMounts/0")).put("mountPath", "/home-copy");
    var shell = (ObjectNode) main.get(0);
    shell.put("workingDir", HOME);
    shell.withArray("/env").addObject().put("name", "HOME").put("value", HOME);
    shell
        .withArray("/env")
        .addObject()
        .put("name", "KUBECONFIG")
        .put("value", HOME + "/.kube/config");
    pod.set("spec", spec);
    return pod;
  }

  private static ObjectNode container(
      String name, String image, String script, List<String> volumes) {
    var container = Json.MAPPER.createObjectNode().put("name", name).put("image", image);
    container.put("imagePullPolicy", "IfNotPresent");
    container.putArray("command").add("sh").add("-c").add(script);
    container
        .putObject("securityContext")
        .put("allowPrivilegeEscalation", false)
        .put("readOnlyRootFilesystem", true)
        .putObject("capabilities")
        .putArray("drop")
        .add("ALL");
    var mounts = container.putArray("volumeMounts");
    for (String volume : volumes) {
      String path = volume.equals("home") ? HOME : "/" + volume;
      mounts.addObject().put("name", volume).put("mountPath", path);
    }
    return container;
  }

  /**
   * With the pod's own token, which its node renews and which ends with the pod; the token is in no
   * object.
   */
  private static String kubeconfig(User user) throws JsonProcessingException {
    var config = Json.MAPPER.createObjectNode().put("apiVersion", "v1").put("kind", "Config");
    var cluster = config.putArray("clusters").addObject().put("name", "cluster");
    cluster
        .putObject("cluster")
        .put("server", "https://kubernetes.default.svc")
        .put("certificate-authority", ACCOUNT + "ca.crt");
    var shell = config.putArray("users").addObject().put("name", "user");
    var credentials = shell.putObject("user").put("tokenFile", ACCOUNT + "token");
    credentials.put("as", user.name());
    if (!user.groups().isEmpty()) {
      var groups = credentials.putArray("as-groups");
      user.groups().forEach(groups::add);
    }
    var context = config.putArray("contexts").addObject().put("name", "shell");
    context.putObject("context").put("cluster", "cluster").put("user", "user");
    config.put("current-context", "shell");
    return Json.MAPPER.writeValueAsString(config);
  }
}
