package io.drover.steve.state;

import static io.drover.steve.Objects.object;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One object a row. */
class StateTest {
  private static final Clock NOON =
      Clock.fixed(Instant.parse("2026-01-05T12:00:00Z"), ZoneOffset.UTC);

  /** Kind, rest of the object, and its state: name, E for an error, T for a change, message. */
  @ParameterizedTest(name = "{0} {1}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          # Its own words.
          x/v1 A | status:{display:{state:'Shown',error:true,message:'m'},phase:'P'} | shown E m
          x/v1 A | status:{summary:{state:'Up',transitioning:'true'}} | up T
          x/v1 A | status:{summary:{message:['one','two']}} | active - one:Resource is current
          # Conditions that are errors.
          v1 Node | status:{conditions:[{type:'DiskPressure',status:'True',message:'full'}]} | error E full
          v1 Node | status:{conditions:[{type:'Failed',status:'True'}]} | active - Resource is current
          apps/v1 Deployment | status:{conditions:[{type:'Progressing',status:'False',message:'late'}]} | error E late
          apps/v1 ReplicaSet | status:{conditions:[{type:'ReplicaFailure',status:'True',message:'quota'}]} | error E quota
          helm.cattle.io/v1 HelmChart | status:{conditions:[{type:'Failed',status:'True',message:'no'}]} | error E no
          x/v1 A | status:{conditions:[{type:'Stalled',status:'True',message:'no'}]} | error E no
          x/v1 A | status:{conditions:[{type:'Odd',status:'True',reason:'Error',message:'no'}]} | error E no
          apps/v1 Deployment | status:{conditions:[{type:'Stalled',status:'True',message:'no'}]} | failed E no
          # Conditions that are changes.
          x/v1 A | status:{conditions:[{type:'Provisioned',status:'Unknown',message:'soon'}]} | provisioning T soon
          x/v1 A | status:{conditions:[{type:'Provisioned',status:'False',message:'no'}]} | provisioning E no
          x/v1 A | status:{conditions:[{type:'Reconciling',status:'True',message:'busy'}]} | reconciling T busy
          x/v1 A | status:{conditions:[{type:'ScalingUp',status:'True',reason:'Grow',message:'b'}]} | grow T b
          x/v1 A | status:{conditions:[{type:'Available',status:'False',message:'b'}]} | updating T b
          x/v1 A | status:{conditions:[{type:'Available',status:'Unknown',message:'b'}]} | updating E b
          x/v1 A | status:{conditions:[{type:'Ready',status:'False',message:'b'}]} | unavailable T b
          x/v1 A | status:{conditions:[{type:'Ready',status:'Unknown',message:'b'}]} | unavailable E b
          x/v1 A | status:{conditions:[{type:'Ready',status:'False',message:'1 of 2 completed'}]} | unavailable T
          x/v1 A | status:{conditions:[{type:'Ready',status:'False',message:'r'},{type:'Available',status:'False',message:'a'}]} | updating T a
          x/v1 A | status:{conditions:[{type:'Created',status:'Unknown',message:'a'},{type:'Saved',status:'False',message:'b'}]} | saving ET a:b
          x/v1 A | metadata:{annotations:{'cattle.io/status':'{"conditions":[{"type":"Ready","status":"False","message":"b"}]}'}} | unavailable T b
          x/v1 A | metadata:{annotations:{'cattle.io/status':'{'}} | active - Resource is current
          # Messages: trimmed, none twice.
          x/v1 A | status:{conditions:[{type:'Saved',status:'False',message:' b '},{type:'Built',status:'False',message:'b'}]} | building E b
          # Activity, phase, removal.
          x/v1 A | spec:{active:true} | active -
          x/v1 A | spec:{active:'false'} | inactive -
          v1 Namespace | status:{phase:'Terminating'} | terminating -
          v1 PersistentVolumeClaim | status:{phase:'Pending'} | pending -
          v1 PersistentVolumeClaim | status:{phase:'Bound',conditions:[{type:'Ready',status:'False'}]} | bound -
          v1 PersistentVolumeClaim | status:{} | in-progress T PVC is not Bound. phase: unknown
          x/v1 A | status:{phase:'Succeeded',conditions:[{type:'Saved',status:'False',message:'b'}]} | succeeded E b
          x.cattle.io/v1 A | metadata:{created:'2026-01-05T11:59:56Z'},status:{conditions:[]} | initializing T
          x.cattle.io/v1 A | metadata:{created:'2026-01-05T11:59:54Z'},status:{conditions:[]} | active - Resource is current
          x/v1 A | metadata:{removed:'2026-01-05T11:59:00Z',finalizers:['controller.cattle.io/a']} | removing T waiting on a
          x/v1 A | metadata:{removed:'2026-01-05T11:50:00Z',finalizers:['foregroundDeletion']} | removing ET waiting on object cleanup
          x/v1 A | metadata:{removed:'soon'},status:{conditions:[{type:'Removed',status:'Unknown',message:'b'}]} | removing T b
          # By Kubernetes' conventions.
          x/v1 A | metadata:{deletionTimestamp:'2026-01-05T11:59:00Z'} | removing T Resource scheduled for deletion
          x/v1 A | metadata:{generation:2},status:{observedGeneration:1} | in-progress T A generation is 2, but latest observed generation is 1
          x/v1 A | status:{conditions:[{type:'Ready',status:'True'}]} | active - Resource is Ready
          v1 ConfigMap | | active - Resource is always ready
          v1 Pod | | in-progress T Pod phase not available
          policy/v1 PodDisruptionBudget | | active - AllowedDisruptions has been computed.
          apps/v1 Deployment | spec:{replicas:2},status:{replicas:1} | in-progress T Replicas: 1/2
          apps/v1 Deployment | status:{replicas:1} | in-progress T Updated: 0/1
          apps/v1 Deployment | spec:{replicas:1},status:{replicas:3,updatedReplicas:1} | in-progress T Pending termination: 2
          apps/v1 Deployment | status:{replicas:1,updatedReplicas:1} | in-progress T Available: 0/1
          apps/v1 Deployment | status:{replicas:1,updatedReplicas:1,availableReplicas:1} | in-progress T Ready: 0/1
          apps/v1 Deployment | status:{replicas:1,updatedReplicas:1,availableReplicas:1,readyReplicas:1} | in-progress T Deployment not Available
          apps/v1 Deployment | spec:{replicas:0,progressDeadlineSeconds:600} | in-progress T ReplicaSet not Available
          apps/v1 Deployment | spec:{replicas:0},status:{conditions:[{type:'Available',status:'True'}]} | active - Deployment is available. Replicas: 0
          apps/v1 Deployment | spec:{replicas:0,progressDeadlineSeconds:6},status:{conditions:[{type:'Available',status:'True'},{type:'Progressing',status:'True',reason:'NewReplicaSetAvailable'}]} | active - Deployment is available. Replicas: 0
          apps/v1 Deployment | status:{conditions:[{type:'Progressing',status:'Unknown',reason:'ProgressDeadlineExceeded'}]} | failed E Progress deadline exceeded
          apps/v1 ReplicaSet | status:{} | in-progress T Labelled: 0/1
          apps/v1 ReplicaSet | status:{fullyLabeledReplicas:1,availableReplicas:1,readyReplicas:1,replicas:2} | in-progress T Pending termination: 1
          apps/v1 ReplicaSet | spec:{replicas:0} | active - ReplicaSet is available. Replicas: 0
          apps/v1 StatefulSet | spec:{updateStrategy:{type:'OnDelete'}} | active - StatefulSet is using the ondelete update strategy
          apps/v1 StatefulSet | status:{replicas:1} | in-progress T Ready: 0/1
          apps/v1 StatefulSet | spec:{replicas:2,updateStrategy:{rollingUpdate:{partition:1}}},status:{replicas:2,readyReplicas:2} | in-progress T updated: 0/1
          apps/v1 StatefulSet | spec:{updateStrategy:{rollingUpdate:{partition:1}}},status:{replicas:1,readyReplicas:1} | active - Partition rollout complete. updated: 0
          apps/v1 StatefulSet | status:{replicas:1,readyReplicas:1} | in-progress T current: 0/1
          apps/v1 StatefulSet | status:{replicas:1,readyReplicas:1,currentReplicas:1,updateRevision:'b'} | in-progress T Waiting for updated revision to match current
          apps/v1 StatefulSet | status:{replicas:1,readyReplicas:1,currentReplicas:1} | active - All replicas scheduled as expected. Replicas: 1
          apps/v1 DaemonSet | | in-progress T DaemonSet metadata.generation not found
          apps/v1 DaemonSet | metadata:{generation:1} | in-progress T DaemonSet status.observedGeneration not found
          apps/v1 DaemonSet | metadata:{generation:1},status:{observedGeneration:1} | in-progress T Missing .status.desiredNumberScheduled
          apps/v1 DaemonSet | metadata:{generation:1},status:{observedGeneration:1,desiredNumberScheduled:2,currentNumberScheduled:1} | in-progress T Current: 1/2
          apps/v1 DaemonSet | metadata:{generation:1},status:{observedGeneration:1,desiredNumberScheduled:0} | active - All replicas scheduled as expected. Replicas: 0
          batch/v1 Job | | in-progress T Job not started
          batch/v1 Job | status:{startTime:'t',active:1} | active - Job in progress. success:0, active: 1, failed: 0
          batch/v1 Job | spec:{parallelism:3},status:{succeeded:3,conditions:[{type:'Complete',status:'True'}]} | active - Job Completed. succeeded: 3/3
          v1 Service | spec:{type:'LoadBalancer'} | in-progress T ClusterIP not set. Service type: LoadBalancer
          v1 Service | spec:{type:'LoadBalancer',clusterIP:'10.0.0.1'} | pending T Service is ready:Load balancer is being provisioned
          v1 Service | spec:{type:'LoadBalancer',clusterIP:'10.0.0.1'},status:{loadBalancer:{ingress:[{ip:'192.0.2.1'}]}} | active - Service is ready
          apiextensions.k8s.io/v1 CustomResourceDefinition | | in-progress T Install in progress
          apiextensions.k8s.io/v1 CustomResourceDefinition | status:{conditions:[{type:'NamesAccepted',status:'False',message:'taken'}]} | failed E taken
          apiextensions.k8s.io/v1 CustomResourceDefinition | status:{conditions:[{type:'Established',status:'False',reason:'Installing'}]} | in-progress T Install in progress
          apiextensions.k8s.io/v1 CustomResourceDefinition | status:{conditions:[{type:'Established',status:'False',message:'b'}]} | failed E b
          apiextensions.k8s.io/v1 CustomResourceDefinition | status:{conditions:[{type:'Established',status:'True'}]} | active - CRD is established
          # Pods: the cell that kubectl prints.
          v1 Pod | metadata:{fields:['a','0/1','CrashLoopBackOff']},status:{phase:'Running',conditions:[{type:'Ready',status:'False',message:'b'}]} | crashLoopBackOff T b
          v1 Pod | metadata:{fields:['a','0/1']},status:{phase:'Running'} | running -
          x/v1 Pod | metadata:{fields:['a','0/1','Odd']},status:{phase:'Running'} | running -
          # Whatever is no object where one should be says nothing.
          x/v1 A | status:'odd' | active - Resource is current
          x/v1 A | status:{conditions:{a:1}} | active - Resource is current
          x/v1 A | status:{conditions:['odd',null]} | active - Resource is current
          """)
  void isTheOneInTheRow(String kind, String rest, String expected) {
    var at = kind.indexOf(' ');
    var object =
        object(
            "{apiVersion:'%s',kind:'%s'%s}"
                .formatted(
                    kind.substring(0, at), kind.substring(at + 1), rest == null ? "" : "," + rest));

    var state = State.of(object, NOON);

    var marks = (state.error() ? "E" : "") + (state.transitioning() ? "T" : "");
    var told = state.name() + " " + (marks.isEmpty() ? "-" : marks) + " " + state.message();
    assertThat(told.strip()).isEqualTo(expected);
  }

  @Test
  void conditionsAreMarkedOneByOne() {
    var object =
        object(
            """
            {apiVersion:'x.cattle.io/v1',kind:'A',status:{conditions:[
              {type:'Ready',status:'False',message:'b',lastTransitionTime:'then'},
              {type:'Odd',status:'True',lastUpdateTime:'now',lastTransitionTime:'then'},
              {type:'Saved',status:'Unknown'}]}}\
            """);

    Computed.addToConditions(object, NOON);

    assertThat(object.path("status").path("conditions"))
        .isEqualTo(
            object(
                    """
                    {is:[
                      {type:'Ready',status:'False',message:'b',lastTransitionTime:'then',
                        error:true,transitioning:true,lastUpdateTime:'then'},
                      {type:'Odd',status:'True',lastUpdateTime:'now',lastTransitionTime:'then',
                        error:false,transitioning:false},
                      {type:'Saved',status:'Unknown',
                        error:false,transitioning:true,lastUpdateTime:''}]}\
                    """)
                .path("is"));
  }

  @Test
  void whatWasAddedIsTakenOutAgain() {
    var object =
        object(
            """
            {metadata:{name:'a',fields:['a'],state:{},relationships:null},
              status:{conditions:[{type:'A',error:true,transitioning:true,lastUpdateTime:'t'}]}}\
            """);

    Computed.strip(object);

    assertThat(object).isEqualTo(object("{metadata:{name:'a'},status:{conditions:[{type:'A'}]}}"));
  }

  @Test
  void stateIsWrittenAsPagesReadIt() {
    assertThat(new State("up", false, true, "m").json())
        .isEqualTo(object("{name:'up',error:false,transitioning:true,message:'m'}"));
  }
}
