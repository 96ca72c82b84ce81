package io.drover.steve.state;

import static io.drover.steve.Objects.object;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RelationshipTest {
  /** An object in namespace n, and its relations. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          v1 Secret | | -
          v1 Secret | ownerReferences:[{apiVersion:'apps/v1',kind:'Deployment',name:'d'},{apiVersion:'v1',kind:'Node',name:'x'}] | owner<apps.deployment n/d, owner<node x
          v1 Secret | annotations:{'objectset.rio.cattle.io/owner-gvk':'x.io/v1, Kind=App','objectset.rio.cattle.io/owner-name':'a'} | applies<x.io.app n/a
          v1 Secret | annotations:{'objectset.rio.cattle.io/owner-gvk':'x.io/v1, Kind=App','objectset.rio.cattle.io/owner-namespace':'m','objectset.rio.cattle.io/owner-name':'a'} | applies<x.io.app m/a
          v1 Secret | annotations:{'objectset.rio.cattle.io/owner-gvk':'odd'} | -
          v1 Service | }, spec:{selector:{b:'2',a:'1'} | selects>pod n[a=1,b=2]
          v1 Service | }, spec:{type:'ExternalName' | -
          apps/v1 Deployment | }, spec:{selector:{matchLabels:{a:'1'},matchExpressions:[{key:'t',operator:'In',values:['y','x']},{key:'b',operator:'DoesNotExist'}]} | creates>pod n[a=1,!b,t in (x,y)]
          apps/v1 Deployment | }, spec:{selector:{matchExpressions:[{key:'t',operator:'NotIn',values:['x']},{key:'b',operator:'Exists'}]} | creates>pod n[b,t notin (x)]
          batch/v1 Job | }, spec:{template:{spec:{serviceAccountName:'s'}} | uses>serviceaccount n/s
          batch/v1 Job | }, spec:{template:{spec:{}} | uses>serviceaccount -
          x/v1 Job | }, spec:{template:{spec:{}} | -
          v1 Pod | }, spec:{serviceAccountName:'s',volumes:[{configMap:{name:'c'}},{secret:{secretName:'k'}},{projected:{sources:[{secret:{name:'k'}},{configMap:{name:'p'}}]}}] | uses>configmap n/c, uses>secret n/k, uses>serviceaccount n/s, uses>secret n/k, uses>configmap n/p
          v1 Pod | }, spec:{serviceAccountName:'s',containers:[{envFrom:[{configMapRef:{name:'c'}},{secretRef:{name:'k'}}],env:[{valueFrom:{configMapKeyRef:{name:'c'}}},{valueFrom:{secretKeyRef:{name:'l'}}}]}] | uses>configmap n/c, uses>secret n/k, uses>secret n/l, uses>serviceaccount n/s
          catalog.cattle.io/v1 App | }, spec:{resources:[{apiVersion:'v1',kind:'Pod',name:'p'}]},status:{summary:{state:'deployed'} | helmresource>pod n/p
          catalog.cattle.io/v1 App | }, spec:{resources:[{apiVersion:'v1',kind:'Pod',name:'p'}]},status:{summary:{state:'failed'} | -
          """)
  void areThoseThatTheObjectNames(String kind, String rest, String expected) {
    var at = kind.indexOf(' ');
    var object =
        object(
            "{apiVersion:'%s',kind:'%s',metadata:{namespace:'n'%s}}"
                .formatted(
                    kind.substring(0, at),
                    kind.substring(at + 1),
                    rest == null ? "" : rest.startsWith("}") ? rest : "," + rest));

    var relations = Relationship.of(object, type -> !type.equals("node"));

    var told = relations.stream().map(RelationshipTest::text).collect(Collectors.joining(", "));
    assertThat(told.isEmpty() ? "-" : told).isEqualTo(expected);
  }

  private static String text(Relationship relation) {
    var target =
        relation.namespace().isEmpty()
            ? relation.id()
            : relation.namespace() + "[" + relation.selector() + "]";
    return relation.rel()
        + (relation.inbound() ? "<" : ">")
        + relation.type()
        + " "
        + (target.isEmpty() ? "-" : target);
  }

  @Test
  void saysWhatIsKnownOfTheOtherObject() {
    var owner = new Relationship(true, "owner", "apps.deployment", "n/d", "", "");

    assertThat(owner.json(null))
        .isEqualTo(object("{fromId:'n/d',fromType:'apps.deployment',rel:'owner'}"));
    assertThat(owner.json(new Summary("up", false, false, List.of("a", "b"))))
        .isEqualTo(
            object(
                """
                {fromId:'n/d',fromType:'apps.deployment',rel:'owner',
                  state:'up',message:'a; b'}\
                """));
    assertThat(owner.json(new Summary("bad", true, true, List.of())))
        .isEqualTo(
            object(
                """
                {fromId:'n/d',fromType:'apps.deployment',rel:'owner',
                  state:'bad',error:true,transitioning:true}\
                """));
  }

  @Test
  void selectorsNameANamespaceInPlaceOfAnObject() {
    assertThat(new Relationship(false, "creates", "pod", "", "a=1", "n").json(null))
        .isEqualTo(object("{toType:'pod',toNamespace:'n',rel:'creates',selector:'a=1'}"));
  }

  @Test
  void schemasOfTheCoreGroupHaveNoPrefix() {
    assertThat(Relationship.schemaId("v1", "Pod")).isEqualTo("pod");
    assertThat(Relationship.schemaId("apps/v1", "ReplicaSet")).isEqualTo("apps.replicaset");
  }
}
